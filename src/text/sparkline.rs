//! A graph of a few lines of text: one column for each value, and a label under it, read downwards.
//!
//! ```text
//!    #       # o _   the top of a column, in thirds of a line
//!    |       |       what is below its top
//!    |o
//!   _||      the smallest value is the lowest third of the lowest line, always
//!
//!   953      what is 9 seconds ago, 5 and 3
//!   sss
//! ```

/// Lines of the graph itself.
const LINES: usize = 4;
/// Tops that differ within a line, from low to high.
const TOPS: [u8; 3] = *b"_o#";

/// A column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// What it shows.
    pub value: u64,
    /// What stands below it.
    pub label: String,
}

/// Draws at most `width` columns side by side, and those that are left in another graph under it.
/// All have one scale: from the smallest value to the largest.
pub fn draw(columns: &[Column], width: usize, text: &mut String) {
    let values = || columns.iter().map(|column| column.value);
    let (low, high) = (values().min().unwrap_or(0), values().max().unwrap_or(0));
    for (number, part) in columns.chunks(width.max(1)).enumerate() {
        if number > 0 {
            text.push('\n');
        }
        draw_part(part, low, high, text);
    }
}

fn draw_part(columns: &[Column], low: u64, high: u64, text: &mut String) {
    for line in (0..LINES).rev() {
        let marks = columns.iter().map(|column| mark(height(column.value, low, high), line));
        push_line(text, marks);
    }
    push_line(text, columns.iter().map(|_| ' '));
    let depth = columns.iter().map(|column| column.label.len()).max().unwrap_or(0);
    for place in 0..depth {
        let letters = columns.iter().map(|column| column.label.chars().nth(place).unwrap_or(' '));
        push_line(text, letters);
    }
}

fn push_line(text: &mut String, marks: impl Iterator<Item = char>) {
    text.extend(marks);
    text.push('\n');
}

/// How high a column is, in thirds of a line, from 0 on.
fn height(value: u64, low: u64, high: u64) -> usize {
    let heights = LINES * TOPS.len();
    let reached = u128::from(value - low) * heights as u128 / u128::from((high - low).max(1));
    (reached as usize).min(heights - 1)
}

/// What a column of some height shows in a line, counted from the bottom.
fn mark(height: usize, line: usize) -> char {
    match height.checked_sub(line * TOPS.len()) {
        None => ' ',
        Some(above) => TOPS.get(above).map_or('|', |top| char::from(*top)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[u64], width: usize) -> String {
        let columns: Vec<Column> = values
            .iter()
            .enumerate()
            .map(|(number, &value)| Column { value, label: format!("{number}s") })
            .collect();
        let mut text = String::new();
        draw(&columns, width, &mut text);
        text
    }

    #[test]
    fn a_lone_value_is_the_smallest() {
        assert_eq!(drawn(&[50], 80), " \n \n \n_\n \n0\ns\n");
        assert_eq!(drawn(&[50, 50], 80), "  \n  \n  \n__\n  \n01\nss\n");
    }

    /// What redis-server 7.0.15 drew for the same values.
    #[test]
    fn two_values_are_the_ends_of_the_scale() {
        assert_eq!(drawn(&[50, 30], 80), "# \n| \n| \n|_\n  \n01\nss\n");
    }

    #[test]
    fn the_drawing_above_is_one() {
        assert_eq!(drawn(&[1, 12, 5], 80), " # \n | \n |o\n_||\n   \n012\nsss\n");
    }

    #[test]
    fn what_does_not_fit_stands_below_at_the_same_scale() {
        assert_eq!(drawn(&[0, 12, 4], 2), " #\n |\n |\n_|\n  \n01\nss\n\n \n \no\n|\n \n2\ns\n");
    }
}
