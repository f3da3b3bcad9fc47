//! The charts in the README: horizontal bars, one panel for each question, as SVG. The same input gives the same
//! output, to the byte.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::error::Error;
use crate::results::{OURS, Results, humane};
use crate::{firehose, latency};

/// A file.
struct Chart {
    name: &'static str,
    /// The alternative text.
    says: &'static str,
    panels: &'static [Panel],
}

/// One question.
struct Panel {
    title: &'static str,
    group: &'static str,
    metric: &'static str,
    /// Which bar is the best.
    best: Best,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Best {
    Short,
    Long,
}

impl Best {
    fn told(self) -> &'static str {
        match self {
            Self::Short => "less is better",
            Self::Long => "more is better",
        }
    }
}

const TIME: &str = "time a frame";
const MESSAGES: &str = "messages";
const CPU: &str = "processor time for a million";

const CHARTS: [Chart; 4] = [
    Chart {
        name: "parse.svg",
        says: "Time to decode one RESP3 push of 64 bytes, by parser",
        panels: &[Panel {
            title: "Decoding one RESP3 push, 64 B payload",
            group: "parse: RESP3 push, 64 B",
            metric: TIME,
            best: Best::Short,
        }],
    },
    Chart {
        name: "array.svg",
        says: "Time to decode an array of 100,000 elements that arrives in pieces, by parser",
        panels: &[
            Panel {
                title: "An array of 100,000 elements, in 4 KiB pieces",
                group: "parse: array of 100,000, in 4 KiB pieces",
                metric: TIME,
                best: Best::Short,
            },
            Panel {
                title: "The same in 1,448 B pieces",
                group: "parse: array of 100,000, in 1,448 B pieces",
                metric: TIME,
                best: Best::Short,
            },
        ],
    },
    Chart {
        name: "firehose.svg",
        says: "Messages a second and processor time under a firehose of 64-byte messages, by subscriber",
        panels: &[
            Panel {
                title: "Messages a second, without Lua",
                group: firehose::WITHOUT_LUA,
                metric: MESSAGES,
                best: Best::Long,
            },
            Panel {
                title: "Processor time for a million messages, without Lua",
                group: firehose::WITHOUT_LUA,
                metric: CPU,
                best: Best::Short,
            },
            Panel {
                title: "Messages a second, each into a Lua callback",
                group: firehose::INTO_LUA,
                metric: MESSAGES,
                best: Best::Long,
            },
            Panel {
                title: "Processor time for a million messages, each into a Lua callback",
                group: firehose::INTO_LUA,
                metric: CPU,
                best: Best::Short,
            },
        ],
    },
    Chart {
        name: "latency.svg",
        says: "Time from publish to receive through a real redis-server, by subscriber",
        panels: &[
            Panel {
                title: "Publish to receive through redis-server, median",
                group: latency::GROUP,
                metric: "p50",
                best: Best::Short,
            },
            Panel {
                title: "The same, 99th percentile",
                group: latency::GROUP,
                metric: "p99",
                best: Best::Short,
            },
        ],
    },
];

/// References that would make all other bars look the same.
const LEFT_OUT: [&str; 1] = ["bare read()"];
/// Rows that do only a part of the work.
const PALE: [&str; 2] = ["memchr over every CR", "rustis (index only)"];
const PALE_SAYS: &str = "pale: does less than the others";
/// Our own, in another mode.
const ALSO_OURS: [&str; 1] = ["realtime (RESP2)"];

const WIDTH: f64 = 760.0;
const MARGIN: f64 = 20.0;
/// Where bars begin, and the length of the longest.
const LEFT: f64 = 210.0;
const LONGEST: f64 = 380.0;
const TITLE: f64 = 30.0;
const ROW: f64 = 26.0;
const BAR: f64 = 16.0;
const GAP: f64 = 18.0;
/// A bar this many times longer than ours is cut, because it would make all others look the same.
const CUT_BEYOND: f64 = 25.0;

/// Writes all charts with figures into `folder`.
///
/// # Errors
///
/// The system's own.
pub(crate) fn draw(results: &Results, folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(Error::io(folder.display().to_string()))?;
    for chart in &CHARTS {
        let path = folder.join(chart.name);
        if let Some(svg) = svg(chart, results) {
            fs::write(&path, svg).map_err(Error::io(path.display().to_string()))?;
        }
    }
    Ok(())
}

fn svg(chart: &Chart, results: &Results) -> Option<String> {
    let mut body = String::new();
    let mut top = MARGIN;
    for panel in chart.panels {
        let bars = bars(panel, results);
        if !bars.is_empty() {
            top = draw_panel(panel, &bars, top, &mut body) + GAP;
        }
    }
    let height = top - GAP + MARGIN;
    let says = chart.says;
    (!body.is_empty()).then(|| {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{says}\" \
             font-family=\"-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif\">\n\
             <title>{says}</title>\n\
             <rect x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"#ffffff\" stroke=\"#d0d7de\"/>\n\
             {body}</svg>\n",
            WIDTH - 1.0,
            height - 1.0
        )
    })
}

struct Bar<'a> {
    subject: &'a str,
    value: f64,
    unit: &'a str,
}

/// The best first.
fn bars<'a>(panel: &Panel, results: &'a Results) -> Vec<Bar<'a>> {
    let mut bars: Vec<Bar<'_>> = results
        .0
        .iter()
        .filter(|figure| figure.group == panel.group && figure.metric == panel.metric)
        .filter(|figure| !LEFT_OUT.contains(&&figure.subject[..]))
        .map(|figure| Bar { subject: &figure.subject, value: figure.median, unit: &figure.unit })
        .collect();
    bars.sort_by(|one, other| match panel.best {
        Best::Short => one.value.total_cmp(&other.value),
        Best::Long => other.value.total_cmp(&one.value),
    });
    bars
}

/// Returns the lower edge.
fn draw_panel(panel: &Panel, bars: &[Bar<'_>], top: f64, body: &mut String) -> f64 {
    let ours = bars.iter().find(|bar| bar.subject == OURS).map(|bar| bar.value);
    let most = ours.map_or(f64::INFINITY, |ours| ours * CUT_BEYOND);
    let longest = bars.iter().map(|bar| bar.value).filter(|value| *value <= most).fold(0.0, f64::max);
    text(body, MARGIN, top + 15.0, "font-size=\"15\" font-weight=\"600\" fill=\"#1f2328\"", panel.title);
    let small = "font-size=\"12\" fill=\"#59636e\" text-anchor=\"end\"";
    let pale = bars.iter().any(|bar| PALE.contains(&bar.subject));
    let note =
        if pale { format!("{PALE_SAYS}; {}", panel.best.told()) } else { panel.best.told().to_owned() };
    text(body, WIDTH - MARGIN, top + 15.0, small, &note);
    let mut y = top + TITLE;
    for bar in bars {
        let (fill, weight) = match bar.subject {
            OURS => ("#0969da", "600"),
            subject if PALE.contains(&subject) => ("#d1d9e0", "400"),
            subject if ALSO_OURS.contains(&subject) => ("#54aeff", "600"),
            _ => ("#818b98", "400"),
        };
        let cut = bar.value > most;
        let length = if cut || longest == 0.0 { LONGEST } else { (bar.value / longest * LONGEST).max(1.0) };
        let base = y + BAR / 2.0 + 4.5;
        let label = format!("font-size=\"13\" font-weight=\"{weight}\" fill=\"#1f2328\" text-anchor=\"end\"");
        text(body, LEFT - 10.0, base, &label, bar.subject);
        line(
            body,
            &format!(
                "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\" fill=\"{fill}\"/>"
            ),
        );
        if cut {
            // A slanted gap shows that the bar continues.
            let x = LEFT + LONGEST - 40.0;
            line(
                body,
                &format!(
                    "<path d=\"M{x} {} l8 {} h6 l-8 -{} z\" fill=\"#ffffff\"/>",
                    y + BAR + 2.0,
                    -(BAR + 4.0),
                    -(BAR + 4.0)
                ),
            );
        }
        let (value, unit) = humane(bar.value, bar.unit);
        let ratio = match ours {
            Some(ours) if bar.subject != OURS && ours > 0.0 => format!("  (× {})", times(bar.value / ours)),
            _ => String::new(),
        };
        let value = format!("{value} {unit}{ratio}");
        let style = format!("font-size=\"12\" font-weight=\"{weight}\" fill=\"#1f2328\"");
        text(body, LEFT + length + 8.0, base, &style, &value);
        y += ROW;
    }
    y
}

/// A ratio for people.
fn times(ratio: f64) -> String {
    if ratio >= 10.0 {
        format!("{ratio:.0}")
    } else if ratio >= 2.0 {
        format!("{ratio:.1}")
    } else {
        format!("{ratio:.2}")
    }
}

fn text(body: &mut String, x: f64, y: f64, style: &str, content: &str) {
    line(body, &format!("<text x=\"{x:.1}\" y=\"{y:.1}\" {style}>{content}</text>"));
}

fn line(body: &mut String, content: &str) {
    // Writing to a string cannot fail.
    let _written = writeln!(body, "{content}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_highlighted_and_what_is_far_beyond_is_cut() {
        let mut results = Results::default();
        for (subject, nanos) in [(OURS, 20.0), ("hiredis", 150.0), ("slow", 20_000.0)] {
            results.add(CHARTS[0].panels[0].group, subject, TIME, "ns", nanos);
        }
        let svg = svg(&CHARTS[0], &results).expect("a chart");
        assert_eq!(svg.matches("#0969da").count(), 1);
        assert_eq!(svg.matches("<path").count(), 1, "one bar is cut");
        assert!(svg.contains("150 ns  (× 7.5)"), "{svg}");
        let order: Vec<_> =
            [OURS, "hiredis", "slow"].iter().map(|name| svg.find(&format!(">{name}<"))).collect();
        assert!(order.is_sorted() && order[0].is_some());
    }

    #[test]
    fn without_figures_there_is_no_chart() {
        assert!(CHARTS.iter().all(|chart| svg(chart, &Results::default()).is_none()));
    }
}
