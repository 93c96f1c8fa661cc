//! Tables and numbers for the terminal.

use std::io;

pub(super) fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

pub(super) fn day(date: Option<&str>) -> String {
    date.and_then(|date| date.get(..10))
        .unwrap_or_default()
        .to_owned()
}

/// With a comma before every third digit.
pub(super) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) fn bytes(value: u64) -> String {
    match value {
        0..10_000 => format!("{value} B"),
        10_000..10_000_000 => format!("{} kB", value / 1000),
        _ => format!("{} MB", value / 1_000_000),
    }
}

/// A table; the first row is its head, columns in `right` are numbers.
pub(super) fn write_table(
    out: &mut impl io::Write,
    rows: &[Vec<String>],
    right: &[usize],
) -> io::Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for (position, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            if column > 0 {
                line.push_str("  ");
            }
            let padding = " ".repeat(width - cell.chars().count().min(*width));
            let is_right = right.contains(&column);
            line.push_str(if is_right { &padding } else { "" });
            line.push_str(cell);
            line.push_str(if is_right { "" } else { &padding });
        }
        writeln!(out, "{}", line.trim_end())?;
        if position == 0 {
            let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            writeln!(out, "{}", rule.join("  "))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1000), "1,000");
        assert_eq!(number(1_234_567), "1,234,567");
    }
}
