//! Times in a form for people.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Formats seconds since 1970 as `2026-11-24 06:18:31`, in UTC.
///
/// The days are counted in years that begin with March, so that a leap day is the last of its year (Hinnant,
/// "chrono-compatible low-level date algorithms").
#[must_use]
pub fn utc(seconds: i64) -> String {
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let days = day + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let date = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}-{month:02}-{date:02} {hour:02}:{minute:02}:{:02}", second % 60)
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
