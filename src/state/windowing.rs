//! Which rows of a long list are in sight.

use std::ops::Range;

/// Rows rendered above and below what is in sight, so that quick scrolling shows no gaps.
const MARGIN_ROWS: usize = 12;

/// The rows to render of `count` rows of `row_height` pixels each, when the list's top lies at
/// `top` (negative when it is scrolled out) in a window of `window_height` pixels.
pub fn in_sight(count: usize, row_height: f64, top: f64, window_height: f64) -> Range<usize> {
    if row_height < 1.0 || count == 0 {
        return 0..0;
    }
    let first = floor(-top / row_height);
    let last = floor((window_height - top) / row_height).saturating_add(1);
    let start = first.saturating_sub(MARGIN_ROWS).min(count);
    let end = last.saturating_add(MARGIN_ROWS).min(count);
    start..end.max(start)
}

/// How far to scroll so that a row is in sight, below `head` pixels that are covered at the top.
pub fn scroll_by(index: usize, row_height: f64, top: f64, window_height: f64, head: f64) -> f64 {
    let row_top = top + index as f64 * row_height;
    let row_bottom = row_top + row_height;
    if row_top < head {
        row_top - head
    } else if row_bottom > window_height {
        row_bottom - window_height
    } else {
        0.0
    }
}

/// Whole rows that fit into the window, less two for context; at least one.
pub fn rows_per_page(window_height: f64, row_height: f64) -> usize {
    if row_height < 1.0 {
        return 1;
    }
    floor(window_height / row_height).saturating_sub(2).max(1)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped; a float cast saturates"
)]
fn floor(value: f64) -> usize {
    value.floor().max(0.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_in_sight_and_a_margin_are_rendered() {
        let check = |count, top, expect| assert_eq!(in_sight(count, 40.0, top, 400.0), expect);
        check(0, 0.0, 0..0);
        check(5, 0.0, 0..5);
        check(3000, 0.0, 0..23);
        check(3000, -4000.0, 88..123);
        check(3000, 300.0, 0..15);
        check(3000, -120_000.0, 2988..3000);
        check(3000, -500_000.0, 3000..3000);
        check(3000, 50_000.0, 0..13);
        assert_eq!(in_sight(10, 0.0, 0.0, 400.0), 0..0);
    }

    #[test]
    fn a_row_out_of_sight_is_scrolled_to_the_nearer_edge() {
        assert_eq!(scroll_by(0, 40.0, 100.0, 400.0, 50.0), 0.0);
        assert_eq!(scroll_by(0, 40.0, -100.0, 400.0, 50.0), -150.0);
        assert_eq!(scroll_by(10, 40.0, 0.0, 400.0, 50.0), 40.0);
    }
}
