//! Figures: kept by round, reported as medians, written as JSON and as one table.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Our rows' name.
pub(crate) const OURS: &str = "realtime";

/// One figure of one subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// The task, the same for all subjects in it.
    pub(crate) group: String,
    /// The subject.
    pub(crate) subject: String,
    /// The metric.
    pub(crate) metric: String,
    /// Its unit.
    pub(crate) unit: String,
    /// The median of the rounds.
    pub(crate) median: f64,
    /// The value of each round.
    pub(crate) rounds: Vec<f64>,
}

/// All figures of a run, in the order in which they first came.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Results(pub(crate) Vec<Figure>);

impl Results {
    /// Adds the value of one more round.
    pub(crate) fn add(&mut self, group: &str, subject: &str, metric: &str, unit: &str, value: f64) {
        let known = self
            .0
            .iter()
            .position(|figure| figure.group == group && figure.subject == subject && figure.metric == metric);
        let index = known.unwrap_or_else(|| {
            self.0.push(Figure {
                group: group.to_owned(),
                subject: subject.to_owned(),
                metric: metric.to_owned(),
                unit: unit.to_owned(),
                median: 0.0,
                rounds: Vec::new(),
            });
            self.0.len() - 1
        });
        let figure = &mut self.0[index];
        figure.rounds.push(rounded(value));
        figure.median = median(&figure.rounds);
    }

    /// The median of a figure.
    pub(crate) fn median(&self, group: &str, subject: &str, metric: &str) -> Option<f64> {
        self.0
            .iter()
            .find(|figure| figure.group == group && figure.subject == subject && figure.metric == metric)
            .map(|figure| figure.median)
    }

    /// Reads what [`Results::write`] wrote.
    ///
    /// # Errors
    ///
    /// The system's own, or the file is not a results file.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(Error::io(path.display().to_string()))?;
        serde_json::from_str(&text).map_err(|source| Error::Json { path: path.into(), source })
    }

    /// Writes a list of figures as JSON, one a line.
    ///
    /// # Errors
    ///
    /// The system's own.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        let json = |source| Error::Json { path: path.into(), source };
        let lines: Vec<String> =
            self.0.iter().map(serde_json::to_string).collect::<Result<_, _>>().map_err(json)?;
        let text = format!("[\n{}\n]\n", lines.join(",\n"));
        fs::write(path, text).map_err(Error::io(path.display().to_string()))
    }

    /// One markdown table of all medians: grouped, with the ratio to ours.
    pub(crate) fn table(&self) -> String {
        let mut out = String::from("| what | who | figure | / ours |\n| --- | --- | ---: | ---: |\n");
        let mut last = String::new();
        for figure in self.by_question() {
            let question = format!("{}: {}", figure.group, figure.metric);
            let shown = if question == last { "" } else { &question };
            let ours = self.median(&figure.group, OURS, &figure.metric);
            let ratio = match ours {
                Some(ours) if figure.subject != OURS && ours > 0.0 => format!("{:.2}", figure.median / ours),
                _ => String::new(),
            };
            let (value, unit) = humane(figure.median, &figure.unit);
            // Writing to a string cannot fail.
            let _written = writeln!(out, "| {shown} | {} | {value} {unit} | {ratio} |", figure.subject);
            last = question;
        }
        out
    }

    /// All figures, those of one group and metric together.
    fn by_question(&self) -> Vec<&Figure> {
        let question = |figure: &Figure| (figure.group.clone(), figure.metric.clone());
        let mut order = Vec::new();
        for figure in &self.0 {
            if !order.contains(&question(figure)) {
                order.push(question(figure));
            }
        }
        let mut figures: Vec<&Figure> = self.0.iter().collect();
        figures.sort_by_key(|figure| {
            let group = self.0.iter().position(|other| other.group == figure.group);
            (group, order.iter().position(|known| *known == question(figure)))
        });
        figures
    }
}

/// The middle one, or between the two in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.get(sorted.len() / 2), sorted.len() % 2) {
        (None, _) => 0.0,
        (Some(middle), 1) => *middle,
        (Some(above), _) => sorted[sorted.len() / 2 - 1].midpoint(*above),
    }
}

/// Six significant digits: more is noise, and makes a large file.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// A figure and its unit for people: three significant digits, and thousands of the unit if that has a name.
pub(crate) fn humane(value: f64, unit: &str) -> (String, String) {
    const STEPS: [(&str, f64, &str); 6] = [
        ("ns", 1e3, "µs"),
        ("µs", 1e3, "ms"),
        ("ms", 1e3, "s"),
        ("B", 1024.0, "KiB"),
        ("KiB", 1024.0, "MiB"),
        ("MiB", 1024.0, "GiB"),
    ];
    let (mut value, mut unit) = (value, unit);
    while let Some((_, step, next)) =
        STEPS.iter().find(|(from, step, _)| *from == unit && value.abs() >= *step)
    {
        (value, unit) = (value / step, next);
    }
    let decimals = match value.abs() {
        size if size >= 100.0 || value == value.trunc() => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    (format!("{value:.decimals$}"), unit.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn figures_are_told_in_units_that_fit() {
        let told = |value, unit| {
            let (value, unit) = humane(value, unit);
            format!("{value} {unit}")
        };
        assert_eq!(told(19.84, "ns"), "19.8 ns");
        assert_eq!(told(1_260_000_000.0, "ns"), "1.26 s");
        assert_eq!(told(8_388_608.0, "B"), "8 MiB");
    }

    #[test]
    fn the_table_compares_with_ours() {
        let mut results = Results::default();
        results.add("parse", OURS, "time", "ns", 20.0);
        results.add("parse", "peer", "time", "ns", 150.0);
        results.add("parse", OURS, "memory", "B", 0.0);
        results.add("parse", "other", "time", "ns", 10.0);
        let rows = "| parse: time | realtime | 20 ns |  |\n|  | peer | 150 ns | 7.50 |\n|  | other | 10 ns | 0.50 |\n\
                    | parse: memory | realtime | 0 B |  |\n";
        assert!(results.table().ends_with(rows), "{}", results.table());
    }
}
