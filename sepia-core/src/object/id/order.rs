//! Sorting many ids.

use std::sync::Arc;

/// Sorts the ids of a class. They mostly begin alike, so each is told from the others by the few bytes behind that,
/// which are compared without going to where it stands.
pub(crate) fn sort(ids: Vec<Arc<str>>) -> Vec<Arc<str>> {
    let Some((first, rest)) = ids.split_first() else { return ids };
    let shared = rest.iter().fold(first.len(), |shared, id| shared_length(&first.as_bytes()[..shared], id.as_bytes()));
    let mut keyed: Vec<(u64, Arc<str>)> = ids.into_iter().map(|id| (key(&id.as_bytes()[shared..]), id)).collect();
    keyed.sort_unstable_by(|(a_key, a), (b_key, b)| a_key.cmp(b_key).then_with(|| a.cmp(b)));
    keyed.into_iter().map(|(_, id)| id).collect()
}

/// How many bytes both begin with.
fn shared_length(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// The first bytes as a number in their order. Those that have the same one are in either order.
fn key(bytes: &[u8]) -> u64 {
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ids_are_in_the_order_of_their_bytes(ids in proptest::collection::vec("x{0,12}[a-cé\0]{0,12}", 0..40)) {
            let mut expected = ids.clone();
            expected.sort();
            let sorted = sort(ids.iter().map(|id| Arc::from(id.as_str())).collect());
            prop_assert_eq!(sorted.iter().map(|id| id.as_ref().to_owned()).collect::<Vec<_>>(), expected);
        }
    }
}
