//! Console lines that clients keep, so that one line replaces many.

use std::collections::VecDeque;
use std::time::Instant;

use super::Dispatcher;

/// Lines of all clients.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Those to be printed.
    waiting: VecDeque<String>,
    /// When to print them, or to look for more of them.
    pub(super) due: Option<Instant>,
}

impl<R, D> Dispatcher<R, D> {
    /// Whether there is a [`Dispatcher::line`]. Costs nothing as long as none is kept.
    #[inline]
    pub fn has_line(&self, clock: impl FnOnce() -> Instant) -> bool {
        self.lines.due.is_some_and(|due| due <= clock())
    }

    /// The next line that was kept for the console, if it is due.
    pub fn line(&mut self, now: Instant) -> Option<&str> {
        if self.lines.waiting.is_empty() {
            let clients = self.order.iter();
            for &slot in clients {
                let Some(client) = self.clients.get_mut(slot) else { continue };
                self.lines.waiting.extend(client.console.lines(now));
            }
        }
        let line = self.lines.waiting.pop_front();
        let kept = self.order.iter().filter_map(|&slot| self.clients.get(slot)?.console.due()).min();
        self.lines.due = if self.lines.waiting.is_empty() { kept } else { Some(now) };
        self.content.line = line?;
        Some(&self.content.line)
    }

    /// All lines that were kept: the Lua state ends.
    pub fn rest(&mut self) -> Vec<String> {
        self.lines.due = None;
        let mut lines = Vec::from(std::mem::take(&mut self.lines.waiting));
        for &slot in &self.order {
            let client = self.clients.get_mut(slot);
            lines.extend(client.map(|client| client.console.rest()).unwrap_or_default());
        }
        lines
    }

    /// Keeps lines of a console that ends, for the next [`Dispatcher::line`].
    pub(super) fn keep_lines(&mut self, lines: Vec<String>) {
        if !lines.is_empty() {
            self.lines.waiting.extend(lines);
            self.lines.due = Some(Instant::now());
        }
    }
}
