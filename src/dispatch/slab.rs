//! Values at numbered places, each place with a generation.

use std::marker::PhantomData;

use crate::model::Slot;

/// Values at numbered places of the table `K`. A place is reused, but never under the same [`Slot`].
///
/// ```
/// use realtime::dispatch::Slab;
/// use realtime::model::Clients;
///
/// let mut slab = Slab::<Clients, _>::default();
/// let old = slab.insert("old");
/// slab.remove(old);
/// let new = slab.insert("new");
/// assert_eq!((old.index, slab.get(old)), (new.index, None));
/// ```
#[derive(Debug)]
pub struct Slab<K, T> {
    places: Vec<Cell<T>>,
    free: Vec<u32>,
    table: PhantomData<K>,
}

#[derive(Debug)]
struct Cell<T> {
    generation: u32,
    value: Option<T>,
}

impl<K, T> Default for Slab<K, T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new(), table: PhantomData }
    }
}

impl<K, T> Slab<K, T> {
    /// Stores a value.
    pub fn insert(&mut self, value: T) -> Slot<K> {
        if let Some(index) = self.free.pop() {
            let place = &mut self.places[index as usize];
            place.value = Some(value);
            return Slot::new(index, place.generation);
        }
        #[expect(clippy::expect_used, reason = "so many places do not fit into memory")]
        let index = u32::try_from(self.places.len()).expect("a slab of less than four billion places");
        self.places.push(Cell { generation: 0, value: Some(value) });
        Slot::new(index, 0)
    }

    /// The value at this place, unless it was removed.
    pub fn get(&self, slot: Slot<K>) -> Option<&T> {
        let place = self.places.get(slot.index as usize)?;
        if place.generation == slot.generation { place.value.as_ref() } else { None }
    }

    /// The value at this place, unless it was removed.
    pub fn get_mut(&mut self, slot: Slot<K>) -> Option<&mut T> {
        let place = self.places.get_mut(slot.index as usize)?;
        if place.generation == slot.generation { place.value.as_mut() } else { None }
    }

    /// Removes the value. Its slot is invalid from now on.
    pub fn remove(&mut self, slot: Slot<K>) -> Option<T> {
        let place = self.places.get_mut(slot.index as usize)?;
        if place.generation != slot.generation {
            return None;
        }
        let value = place.value.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(slot.index);
        Some(value)
    }

    /// Every value with its slot.
    pub fn iter(&self) -> impl Iterator<Item = (Slot<K>, &T)> {
        self.places
            .iter()
            .zip(0..)
            .filter_map(|(place, index)| Some((Slot::new(index, place.generation), place.value.as_ref()?)))
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Clients;

    #[test]
    fn a_slot_of_a_former_tenant_leads_nowhere() {
        let mut slab = Slab::<Clients, _>::default();
        let a = slab.insert('a');
        assert_eq!(slab.remove(a), Some('a'));
        assert_eq!(slab.remove(a), None);
        let b = slab.insert('b');
        assert_eq!(b.index, a.index);
        assert_eq!((slab.get(a), slab.get(b)), (None, Some(&'b')));
        assert_eq!(slab.remove(a), None);
        assert_eq!(slab.len(), 1);
    }

    #[test]
    fn iteration_names_each_live_value_by_its_own_slot() {
        let mut slab = Slab::<Clients, _>::default();
        let slots: Vec<_> = (0..4).map(|n| slab.insert(n)).collect();
        slab.remove(slots[1]);
        assert_eq!(slab.iter().collect::<Vec<_>>(), [(slots[0], &0), (slots[2], &2), (slots[3], &3)]);
    }
}
