//! Times in a form for people.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Formats seconds since 1970 as `2026-11-24 06:18:31`, in UTC; as a number where no calendar has them.
#[must_use]
pub fn utc(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds);
    time.map_or(seconds.to_string(), |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// Formats seconds since 1970 as `2026-11-24 07:18`, in the local time zone; in UTC, and said so, where it isn't known.
#[must_use]
pub fn local(seconds: i64) -> String {
    match (Timestamp::from_second(seconds), TimeZone::try_system()) {
        (Ok(time), Ok(zone)) => time.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string(),
        _ => format!("{} UTC", utc(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (seconds, date) in [
            (-1, "1969-12-31 23:59:59"),
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_868_799, "2000-02-29 23:59:59"),
            (1_709_251_200, "2024-03-01 00:00:00"),
            (1_795_501_111, "2026-11-24 06:18:31"),
            (1_798_761_599, "2026-12-31 23:59:59"),
        ] {
            assert_eq!(utc(seconds), date);
        }
    }
}
