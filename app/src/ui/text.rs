//! Numbers, times and errors in words.

use fs_backends::location::Root;
use fs_core::{Error, ErrorKind, Time};
use jiff::{Timestamp, Unit, Zoned};

use crate::state::filesystem::location_of;
use crate::state::{AtStake, Tab};

/// A size: `184 kB`, `1.2 GB`.
pub fn size(bytes: u64) -> String {
    humansize::format_size(
        bytes,
        humansize::DECIMAL.decimal_places(1).decimal_zeroes(0),
    )
}

/// `1 folder`, `3 folders`.
pub fn count(n: usize, one: &str, many: &str) -> String {
    let word = if n == 1 { one } else { many };
    format!("{} {word}", grouped(n as u64))
}

/// Digits in groups of three, from ten thousand on.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// When something changed, as short as it can be understood: the hour today, the day this week, the date before.
pub fn when(time: Time, now: &Zoned, into: &mut String) {
    use std::fmt::Write as _;
    let (seconds, nanos) = time.parts();
    let zoned = Timestamp::new(seconds, i32::try_from(nanos).unwrap_or(0))
        .map(|timestamp| timestamp.to_zoned(now.time_zone().clone()));
    let Ok(then) = zoned else {
        return;
    };
    let days = now
        .date()
        .since((Unit::Day, then.date()))
        .map_or(i32::MAX, |span| span.get_days());
    let format = match days {
        0 => "%H:%M",
        1 => return into.push_str("Yesterday"),
        2..=6 => "%A",
        _ if then.year() == now.year() => "%-d %b",
        _ => "%-d %b %Y",
    };
    write!(into, "{}", then.strftime(format)).ok();
}

/// The exact moment, for properties and hovering.
pub fn exact_time(time: Time) -> String {
    let (seconds, nanos) = time.parts();
    Timestamp::new(seconds, i32::try_from(nanos).unwrap_or(0)).map_or_else(
        |_| String::new(),
        |timestamp| {
            let zone = jiff::tz::TimeZone::system();
            timestamp
                .to_zoned(zone)
                .strftime("%-d %B %Y, %H:%M:%S")
                .to_string()
        },
    )
}

/// Time that is left: `2 min`, `a few seconds`.
pub fn left(left: std::time::Duration) -> String {
    match left.as_secs() {
        0..=9 => "a few seconds".to_owned(),
        10..=59 => format!("{} s", left.as_secs() / 5 * 5),
        60..=3599 => format!("{} min", left.as_secs().div_ceil(60)),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// What happened and why: `Couldn't rename: a file with this name is there already`.
pub fn error_sentence(what: &str, error: &Error) -> String {
    let why = match error.kind() {
        ErrorKind::AlreadyExists => "something with this name is there already",
        ErrorKind::PermissionDenied => "permission denied",
        ErrorKind::NoSpace => "there is no space left. What was there before is untouched",
        ErrorKind::NotFound => "it is not there any more",
        ErrorKind::InvalidName => "a name can't be empty, “.”, “..” or contain a slash",
        kind => kind.text(),
    };
    match error.detail() {
        Some(detail) => format!("{what}: {why} ({detail})"),
        None => format!("{what}: {why}"),
    }
}

/// Why a filesystem was not mounted as a folder, and what to do about it.
pub fn mount_sentence(error: &Error) -> String {
    let detail = error.detail().unwrap_or_default();
    let sentence = match error.kind() {
        ErrorKind::DirectoryNotEmpty => {
            "That folder is not empty, and what is in it would be hidden. Choose an empty or a new one"
        }
        ErrorKind::Busy => "Something is mounted at that folder already. Choose another one",
        ErrorKind::NotADirectory => "That is a file. Choose an empty or a new folder",
        ErrorKind::IntoItself => {
            "That folder lies inside of what is to be mounted. Choose one outside"
        }
        ErrorKind::ReadOnly => "No folder can be made there. Choose another place",
        ErrorKind::PermissionDenied if detail.is_empty() => {
            "You may not mount at that folder. Choose one of your own"
        }
        _ if !detail.is_empty() => return format!("Couldn't mount: {detail}"),
        _ => return error_sentence("Couldn't mount", error),
    };
    sentence.to_owned()
}

/// Why no copy was made, and what to do about it.
pub fn backup_sentence(error: &Error) -> String {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            "There is no such folder to copy it to. Choose another one".to_owned()
        }
        ErrorKind::AlreadyExists => {
            "Something with this name is there already, and stays untouched. Choose another name"
                .to_owned()
        }
        _ => error_sentence("Couldn't back it up", error),
    }
}

/// Why nothing was made, and what to do about it.
pub fn create_sentence(error: &Error) -> String {
    let sentence = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            "There is no such folder to make it in. Choose another one"
        }
        ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty => {
            "Something with this name is there already, and stays untouched. Choose another name"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnly => {
            "Nothing can be made in that folder. Choose another one"
        }
        ErrorKind::NoSpace => "There is no room for it there. Choose a folder on another disk",
        _ => return error_sentence("Couldn't make it", error),
    };
    sentence.to_owned()
}

/// Why `name`, which is in memory, was not saved, and that nothing is lost.
pub fn save_sentence(name: &str, error: &Error) -> String {
    let why = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => "there is no such folder".to_owned(),
        _ => {
            let sentence = error_sentence("", error);
            sentence.trim_start_matches(": ").to_owned()
        }
    };
    format!("Couldn't save {name}: {why}. It is in memory as before; save it somewhere else")
}

/// What the desktop shows to who logs out; `None`: nothing would be stopped or lost. Folders that are unmounted in good order are neither.
pub fn leaving_sentence(at_stake: &AtStake) -> Option<String> {
    let running = match at_stake.running {
        0 => None,
        n => Some(count(n, "operation runs", "operations run")),
    };
    let unsaved = match at_stake.unsaved.as_slice() {
        [] => None,
        [one] => Some(format!("“{one}” is only in memory")),
        more => Some(format!("{} are only in memory", more.join(", "))),
    };
    let both: Vec<String> = running.into_iter().chain(unsaved).collect();
    (!both.is_empty()).then(|| both.join("; "))
}

/// Why nothing was saved of a damaged filesystem, and what to do about it.
pub fn salvage_sentence(error: &Error) -> String {
    let sentence = match error.kind() {
        ErrorKind::PasswordNeeded => "It is encrypted. What is its password?",
        ErrorKind::WrongPassword => {
            "With that password nothing in it can be read. Is it another one?"
        }
        ErrorKind::UnknownFormat => "Nothing in it can be read. A backup may have it",
        ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty | ErrorKind::NotADirectory => {
            "There is something in that folder, which stays untouched. Choose an empty or a new one"
        }
        _ => return error_sentence("Couldn't save what can be read", error),
    };
    sentence.to_owned()
}

/// A phrase as the beginning of a sentence: its first letter is a capital.
pub fn sentence_case(phrase: &str) -> String {
    let mut letters = phrase.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

/// What the path field of a tab shows: a host path as other programs write it, otherwise the location.
pub fn path_text(tab: &Tab) -> String {
    let Some(location) = tab.place.as_ref().and_then(location_of) else {
        return String::new();
    };
    match location.root() {
        Root::Host(path) => path.to_string_lossy().into_owned(),
        _ => location.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_readable() {
        assert_eq!(size(184_300), "184.3 kB");
        assert_eq!(size(2_000_000), "2 MB");
        assert_eq!(size(17), "17 B");
        assert_eq!(grouped(1234), "1234");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(count(1, "folder", "folders"), "1 folder");
    }

    #[test]
    fn times_get_shorter_the_nearer_they_are() {
        let now: Zoned = "2026-11-22T12:00:00+00:00[UTC]".parse().unwrap();
        let text = |then: &str| {
            let then: Timestamp = then.parse().unwrap();
            let mut out = String::new();
            when(Time::from_parts(then.as_second(), 0), &now, &mut out);
            out
        };
        assert_eq!(text("2026-11-22T08:05:00Z"), "08:05");
        assert_eq!(text("2026-11-21T23:00:00Z"), "Yesterday");
        assert_eq!(text("2026-11-18T23:00:00Z"), "Wednesday");
        assert_eq!(text("2026-03-01T23:00:00Z"), "1 Mar");
        assert_eq!(text("2024-03-01T23:00:00Z"), "1 Mar 2024");
    }
}
