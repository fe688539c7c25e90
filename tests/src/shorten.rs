//! From a sequence that shows a difference to the shortest one that still does.

/// Leaves out what is not needed for `differs`: halves, quarters, ... single operations.
pub fn shortest<T: Clone>(ops: Vec<T>, differs: &dyn Fn(&[T]) -> bool) -> Vec<T> {
    let mut ops = ops;
    let mut piece = ops.len() / 2;
    while piece > 0 {
        let mut start = 0;
        while start < ops.len() {
            let end = (start + piece).min(ops.len());
            let fewer: Vec<T> = [&ops[..start], &ops[end..]].concat();
            if differs(&fewer) {
                ops = fewer;
            } else {
                start += piece;
            }
        }
        piece /= 2;
    }
    ops
}
