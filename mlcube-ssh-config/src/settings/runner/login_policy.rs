//! The setting `login`: when a step may log in.

use crate::settings::runner::section::{Invalid, Section};

/// When a step may log in. The verb `login` always may: somebody has asked for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoginPolicy {
    /// Whenever no connection is open.
    #[default]
    Ask,
    /// Once for each command line: after a lost connection somebody has to use the verb `login`.
    Once,
    /// Never: a step uses an open connection, or fails.
    Never,
}

impl LoginPolicy {
    /// Reads the setting; `persist` is how long the connection stays open when idle.
    pub(crate) fn from_section(section: &Section<'_>, persist: u32) -> Result<Self, Invalid> {
        let key = "login";
        match section.text(key)?.as_deref() {
            None | Some("ask") => Ok(Self::Ask),
            Some("once") => Ok(Self::Once),
            Some("never") if persist == 0 => Err(section.invalid(
                key,
                "'never' uses an open connection, and persist: 0 leaves none open; set persist to a time like 8h".to_owned(),
            )),
            Some("never") => Ok(Self::Never),
            Some(other) => Err(section.invalid(
                key,
                format!("'{}' is neither 'ask' nor 'once' nor 'never'", other.escape_debug()),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_step_logs_in_unless_the_settings_say_otherwise() {
        let policy = |settings: Value, persist| {
            let map = settings.as_object().unwrap();
            LoginPolicy::from_section(&Section::new("runner", map, &["login"]), persist)
                .map_err(|invalid| invalid.to_string())
        };
        assert_eq!(policy(json!({}), 600), Ok(LoginPolicy::Ask));
        for (word, expected) in
            [("ask", LoginPolicy::Ask), ("once", LoginPolicy::Once), ("never", LoginPolicy::Never)]
        {
            assert_eq!(policy(json!({"login": word}), 600), Ok(expected));
        }
        for (settings, persist, problem) in [
            (json!({"login": "always"}), 600, "runner.login: 'always' is neither"),
            (json!({"login": false}), 600, "runner.login: wants text"),
            (json!({"login": "never"}), 0, "runner.login: 'never' uses an open connection"),
        ] {
            assert!(policy(settings, persist).unwrap_err().starts_with(problem), "{problem}");
        }
    }
}
