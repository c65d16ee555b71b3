//! Tables for people.

/// Returns the rows as lines, with their columns aligned; the first row is the header. What is longer than a row of the
/// header follows without a column.
#[must_use]
pub fn lines(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            format!("{cell:width$}", width = widths.get(column).copied().unwrap_or(0))
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn columns_are_aligned_and_notes_follow() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect();
        let rows =
            [row(&["JOB", "STATE"]), row(&["9f3a1c", "running"]), row(&["é", "lost", "gone"])];
        assert_eq!(lines(&rows), ["JOB     STATE", "9f3a1c  running", "é       lost     gone"]);
    }
}
