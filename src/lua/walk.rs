//! Tables to JSON.
//!
//! All of it is pure: the walk reads tables where they are, and allocates nothing of Lua's. Its place in the tables is on the
//! stack: each table that it is in, above it the key, and above that the value, which is the next table.

use std::ffi::{c_int, c_void};

use super::fixed::Fixed;
use super::frame::{FREE_SLOTS, Frame, Kind};
use super::raw::Lua;
use crate::json::{Encoder, MAX_DEPTH, Refusal};

/// What a walk through tables needs of the stack: three slots for each, and some for the rest.
#[expect(clippy::cast_possible_truncation, reason = "a small constant")]
pub(super) const DEEP_SLOTS: i32 = FREE_SLOTS + 3 * MAX_DEPTH as i32;

/// How a walk ended.
#[derive(Debug)]
pub(super) enum Walked {
    /// The encoder has the text.
    Done,
    /// The whole is too large.
    TooLarge(Refusal),
    /// A value or key has no form in JSON. The stack stays as it is, for [`Place`] to tell where.
    Refused(Place),
    /// The stack has no room for tables so deep in each other.
    NeedsSlots,
}

/// Where on the stack what was refused stands, and the tables around it.
#[derive(Debug)]
pub(super) struct Place {
    /// What the encoder says. Else the kind of the value is at fault.
    reason: Option<String>,
    /// Whether it is a key.
    is_key: bool,
    index: i32,
    tables: Vec<Table>,
}

/// Why a value has no form in JSON.
#[derive(Debug, Clone, Copy)]
enum Reason {
    /// Its kind has none.
    Kind,
    /// It is a key that is no string.
    Key,
    /// What the encoder says.
    Refusal(Refusal),
}

/// A table that is being written.
#[derive(Debug, Clone, Copy)]
struct Table {
    /// Where on the stack it is. The key of an object stands above it.
    index: i32,
    shape: Shape,
}

/// How a table is written.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// As a list of so many elements, of which this one is being written.
    List { length: i32, next: i32 },
    /// As an object.
    Object,
}

/// Why a walk stops.
enum Stop {
    At(Reason, i32),
    NeedsSlots,
}

/// What is found at the beginning of a table.
enum Found {
    Empty,
    List(i32),
    /// Its first key and value were pushed.
    Object,
}

/// A walk through a value.
pub(super) struct Walk<'a> {
    frame: &'a mut Frame,
    encoder: &'a mut Encoder,
    /// Where in memory `realtime.NULL` is.
    null: *const c_void,
    tables: Vec<Table>,
}

impl<'a> Walk<'a> {
    /// A walk that feeds an encoder. `null` is the reference of `realtime.NULL`.
    pub(super) fn new(frame: &'a mut Frame, null: i32, encoder: &'a mut Encoder) -> Self {
        let null = frame.kept_pointer(null);
        Self { frame, encoder, null, tables: Vec::new() }
    }

    /// Writes the value at `index`.
    pub(super) fn run(mut self, index: i32) -> Walked {
        let top = self.frame.top() + 1;
        let walked = if self.frame.has_room(1) {
            self.frame.push_copy(index);
            self.walk(top)
        } else {
            Err(Stop::NeedsSlots)
        };
        match walked {
            Ok(()) => Walked::Done,
            Err(Stop::NeedsSlots) => {
                self.frame.cut(top - 1);
                Walked::NeedsSlots
            }
            Err(Stop::At(Reason::Refusal(refusal), _)) if refusal.is_of_the_whole() => {
                Walked::TooLarge(refusal)
            }
            Err(Stop::At(reason, index)) => Walked::Refused(Place {
                reason: if let Reason::Refusal(refusal) = reason { Some(refusal.to_string()) } else { None },
                is_key: matches!(reason, Reason::Key),
                index,
                tables: self.tables,
            }),
        }
    }

    fn walk(&mut self, mut index: i32) -> Result<(), Stop> {
        loop {
            index = match self.begin(index)? {
                Some(inner) => inner,
                None => match self.go_on()? {
                    Some(next) => next,
                    None => return Ok(()),
                },
            };
        }
    }

    /// Writes the value at `index`, on top of the stack. Of a table it writes the beginning, and returns where its first
    /// value is.
    #[inline]
    fn begin(&mut self, index: i32) -> Result<Option<i32>, Stop> {
        let written = match self.frame.kind(index) {
            Kind::String => self.encoder.string(self.frame.bytes(index).unwrap_or_default()),
            Kind::Number => self.encoder.number(self.frame.number(index).unwrap_or_default()),
            Kind::Boolean => self.encoder.boolean(self.frame.boolean(index) == Some(true)),
            Kind::Table if self.frame.pointer(index) == self.null => self.encoder.null(),
            Kind::Table => return self.begin_table(index),
            _ => match self.encoder.refused() {
                Ok(()) => return Err(Stop::At(Reason::Kind, index)),
                Err(refusal) => Err(refusal),
            },
        };
        written.map_err(at(index))?;
        Ok(None)
    }

    fn begin_table(&mut self, index: i32) -> Result<Option<i32>, Stop> {
        if !self.frame.has_room(3) {
            return Err(Stop::NeedsSlots);
        }
        match self.look_into(index) {
            Found::Empty => {
                self.encoder.begin_list().map_err(at(index))?;
                self.encoder.end_list().map_err(at(index))?;
                Ok(None)
            }
            Found::List(length) => {
                self.encoder.begin_list().map_err(at(index))?;
                self.tables.push(Table { index, shape: Shape::List { length, next: 1 } });
                self.frame.push_element(index, 1);
                Ok(Some(index + 1))
            }
            Found::Object => {
                self.encoder.begin_object().map_err(at(index))?;
                self.tables.push(Table { index, shape: Shape::Object });
                self.key(index).map(Some)
            }
        }
    }

    /// Whether the table at `index` is a list 1, 2, 3 … without holes.
    fn look_into(&mut self, index: i32) -> Found {
        self.frame.push_nil();
        // SAFETY: the caller vouches for the table, and nil is on top.
        if !unsafe { self.frame.next(index) } {
            return Found::Empty;
        }
        let (key, value) = (index + 1, index + 2);
        if self.frame.kind(key) != Kind::Number {
            return Found::Object;
        }
        let length = self.frame.length(index);
        let mut count = 0;
        while self.frame.number(key).is_some_and(|n| n >= 1.0 && n <= f64::from(length) && n.fract() == 0.0) {
            count += 1;
            self.frame.cut(key);
            // SAFETY: the key came from the table.
            if !unsafe { self.frame.next(index) } {
                // As many keys as there are places.
                if count == length {
                    return Found::List(length);
                }
                break;
            }
        }
        // From the beginning, for the first key is the one to tell.
        self.frame.cut(index);
        self.frame.push_nil();
        // SAFETY: nil is on top.
        unsafe { self.frame.next(index) };
        debug_assert_eq!(self.frame.top(), value);
        Found::Object
    }

    /// Writes the key above the table at `index`, and returns where its value is.
    #[inline]
    fn key(&mut self, index: i32) -> Result<i32, Stop> {
        let Some(key) = self.frame.bytes(index + 1) else { return Err(Stop::At(Reason::Key, index + 1)) };
        self.encoder.key(key).map_err(at(index + 1))?;
        Ok(index + 2)
    }

    /// Goes on behind the value that was written. Returns where the next one is, or `None` if that was the last.
    #[inline]
    fn go_on(&mut self) -> Result<Option<i32>, Stop> {
        while let Some(table) = self.tables.last_mut() {
            let index = table.index;
            match &mut table.shape {
                Shape::List { length, next } if *next < *length => {
                    *next += 1;
                    self.frame.cut(index);
                    self.frame.push_element(index, *next);
                    return Ok(Some(index + 1));
                }
                Shape::List { .. } => self.encoder.end_list().map_err(at(index))?,
                Shape::Object => {
                    self.frame.cut(index + 1);
                    // SAFETY: the key came from the table, which a walk through its value left alone.
                    if unsafe { self.frame.next(index) } {
                        return self.key(index).map(Some);
                    }
                    self.encoder.end_object().map_err(at(index))?;
                }
            }
            self.frame.cut(index);
            self.tables.pop();
        }
        Ok(None)
    }
}

fn at(index: i32) -> impl FnOnce(Refusal) -> Stop {
    move |refusal| Stop::At(Reason::Refusal(refusal), index)
}

/// Pushes where something was refused and why, or an error. Returns zero for success.
///
/// # Safety
///
/// See [`Lua`]. The stack is as the walk left it.
pub(super) unsafe fn push_place(lua: Lua, fixed: Fixed, place: &Place) -> c_int {
    // SAFETY: the caller keeps to the contract; nothing here has to be dropped.
    unsafe {
        let top = lua.top();
        lua.push_reference(fixed.refused);
        match &place.reason {
            Some(reason) => lua.push_bytes(reason.as_bytes()),
            None => lua.push_nil(),
        }
        lua.push_copy(place.index);
        lua.push_boolean(place.is_key);
        for table in &place.tables {
            match table.shape {
                Shape::List { next, .. } => lua.push_number(f64::from(next)),
                // A key that is at fault itself leads nowhere.
                Shape::Object if place.index == table.index + 1 => {}
                Shape::Object => lua.push_copy(table.index + 1),
            }
        }
        lua.protected_call(lua.top() - top - 1, 1, 0)
    }
}
