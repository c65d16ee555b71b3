//! Numbers with units, for people.

use std::time::Duration;

/// The longest time that an option or a setting may give, in seconds: three years. ssh, rsync and shells calculate with
/// it, so it must be far from the limits of their integers.
pub const LONGEST_TIME: u32 = 99_999_999;

/// Formats a number of bytes (`1.5 MB`).
#[must_use]
pub fn human_bytes(bytes: u64) -> String {
    let mut whole = bytes;
    let mut tenths = 0;
    for unit in ["bytes", "kB", "MB", "GB", "TB"] {
        if whole < 1000 || unit == "TB" {
            return if unit == "bytes" {
                format!("{whole} bytes")
            } else {
                format!("{whole}.{tenths} {unit}")
            };
        }
        tenths = whole % 1000 / 100;
        whole /= 1000;
    }
    format!("{bytes} bytes")
}

/// Formats a number with its noun: `1 file`, `2 files`, `2 entries`.
#[must_use]
pub fn count(number: u64, noun: &str) -> String {
    match noun.strip_suffix("ry") {
        _ if number == 1 => format!("1 {noun}"),
        Some(stem) => format!("{number} {stem}ries"),
        None => format!("{number} {noun}s"),
    }
}

/// Formats a time in its two largest units: `45 s`, `10 min`, `2 h 5 min`, `3 d 4 h`.
#[must_use]
pub fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let pair = |large: u64, unit: &str, small: u64, smaller: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {smaller}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => pair(minutes, "min", seconds % 60, "s"),
        3600..86_400 => pair(hours, "h", minutes % 60, "min"),
        _ => pair(days, "d", hours % 24, "h"),
    }
}

/// Formats a time as a clock that is stopped: `0:07`, `12:30`, `1:02:03`.
#[must_use]
pub fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// Formats a time in its largest unit alone: `45 s`, `2 h`.
#[must_use]
pub fn rough_duration(seconds: u64) -> String {
    let text = duration(seconds);
    text.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_for_people() {
        assert_eq!(human_bytes(0), "0 bytes");
        assert_eq!(human_bytes(999), "999 bytes");
        assert_eq!(human_bytes(1_550), "1.5 kB");
        assert_eq!(human_bytes(4_200_000_000), "4.2 GB");
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(0, "file"), "0 files");
        assert_eq!(count(2, "entry"), "2 entries");
    }

    #[test]
    fn clocks() {
        for (seconds, text) in [(7, "0:07"), (750, "12:30"), (3_723, "1:02:03")] {
            assert_eq!(clock(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn times_for_people() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (90, "1 min 30 s"),
            (3600, "1 h"),
            (7_500, "2 h 5 min"),
            (86_399, "23 h 59 min"),
            (86_400, "1 d"),
            (273_600, "3 d 4 h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
        assert_eq!(rough_duration(59), "59 s");
        assert_eq!(rough_duration(7_500), "2 h");
    }
}
