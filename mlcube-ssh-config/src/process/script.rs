//! Remote scripts as data.
//!
//! The remote command of every session is the same, [`LOADER`], which every login shell reads alike; the script comes
//! on standard input, after a line with its length. It runs only if both its beginning and its end arrived: a start-up
//! file of the account may have read its beginning, and the connection may have ended in its middle. Its child
//! processes read `/dev/null`.
//!
//! A script travels packed, and without its comments: TCP begins with 14 kB in a round trip and doubles that in each
//! further one, so that a job's 90 kB would take two more than its packed 16 kB.
//!
//! A script consists of a program that is part of the source, of values that the program knows by name, and of words;
//! no text from outside gets into it unquoted.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::process::comments::without_comments;
use crate::process::find;
use crate::text::quote::{shell_word_of, shown_word_of};

/// The remote command of every session. Inside its single quotes it has no other single quote, no backslash, `!` or
/// newline, because login shells read these differently (fish, tcsh), and no length, so that it is the same for every
/// script.
///
/// The words after the length are the program that unpacks the script; what a dry run prints isn't packed.
///
/// `read` consumes no byte after its line. `head` may read more than requested, but there is no more: everything else
/// is sent after the script's first word. The last line of the script shows that it is whole.
pub const LOADER: &str = "exec sh -c 'while read -r mark size unpack; do \
    script=$(test \"$mark\" = mlcube-ssh && head -c \"$size\" | ${unpack:-cat}); \
    case $script in *#whole) eval \"$script\" ;; *) echo; echo mlcube-ssh: not whole; exit 1 ;; esac; done'";

/// The program that unpacks a script.
const UNPACK: &str = "gzip -dc";

/// What the loader prints for a script whose beginning didn't arrive.
pub(crate) const NOT_WHOLE: &str = "mlcube-ssh: not whole";

/// The first line that a script prints; what a login shell printed before it is dropped.
pub const BEGUN: &str = "\u{2}mlcube-ssh";

/// The line that a script prints after the user's setup and before its program.
pub const READY: &str = "\u{2}ready";

/// The line after a reply whose session stays open for another script.
pub(crate) const MORE: &str = "\u{2}more";

/// The client's reply once the script runs: from then on the end of standard input means that the client is gone. A
/// script that is pasted into a shell doesn't get it, and runs to its end.
pub(crate) const WATCH: &str = "watch\n";

/// The start of every script: paths below the home folder, replies, watching the client.
const PRELUDE: &str = concat!(include_str!("sh/prelude.sh"), include_str!("sh/folder-owner.sh"));

/// Runs the user's own line, and resets what could break the script.
pub const SETUP: &str = include_str!("sh/setup.sh");

/// The end of the here-document that shows a script, unless the script has such a line.
const END: &str = "MLCUBE_SSH_END";

/// A script for `sh` on the remote: a program, its values and its variables.
///
/// ```
/// use mlcube_ssh::process::script::Script;
///
/// let token = ("TOKEN".to_owned(), "s3cret".to_owned());
/// let script = Script::new(r#"printf '%s\n' "$greeting""#)
///     .given("greeting", "it's $HOME; rm -rf /")
///     .secrets([&token]);
///
/// // What is sent, and what is shown.
/// assert!(script.text().contains(r"greeting='it'\''s $HOME; rm -rf /'"));
/// assert!(script.text().contains("s3cret"));
/// assert!(!script.to_string().contains("s3cret"));
/// ```
#[derive(Clone, Debug)]
pub struct Script {
    parts: Vec<&'static str>,
    words: Vec<OsString>,
    given: Vec<(&'static str, String)>,
    variables: Vec<(String, Value)>,
    setup: String,
    is_followed: bool,
    is_packed: bool,
}

/// The value of a variable; a secret is sent and never shown.
#[derive(Clone, Debug)]
enum Value {
    Open(String),
    Secret(String),
}

impl Script {
    /// How many paths one script is given; a longer list takes several. The shell holds the text of a script and its
    /// words in memory, and nothing is sent back before it has read all of them.
    pub const WORDS: usize = 5000;

    /// Makes a script that runs `program`, the body of a function in POSIX sh.
    #[must_use]
    pub fn new(program: &'static str) -> Self {
        Self {
            parts: vec![program],
            words: Vec::new(),
            given: Vec::new(),
            variables: Vec::new(),
            setup: String::new(),
            is_followed: false,
            is_packed: false,
        }
    }

    /// Keeps the session open after the script, for another one: a login shell may take longer to start than the
    /// scripts take to run. The session ends if this script fails.
    #[must_use]
    pub fn followed(mut self) -> Self {
        self.is_followed = true;
        self
    }

    /// Returns whether the session stays open after it.
    pub(crate) fn is_followed(&self) -> bool {
        self.is_followed
    }

    /// Chooses whether the script is sent packed.
    #[must_use]
    pub(crate) fn packed(self, is_packed: bool) -> Self {
        Self { is_packed, ..self }
    }

    /// Puts shell functions before the program.
    #[must_use]
    pub fn with(mut self, functions: &'static str) -> Self {
        self.parts.insert(self.parts.len() - 1, functions);
        self
    }

    /// Sets a variable of the program to a value; the variable isn't exported.
    #[must_use]
    pub fn given(mut self, name: &'static str, value: &str) -> Self {
        self.given.push((name, value.to_owned()));
        self
    }

    /// Adds a positional parameter: a text, or a file name that needn't be UTF-8.
    #[must_use]
    pub fn word(mut self, word: impl AsRef<OsStr>) -> Self {
        self.words.push(word.as_ref().to_owned());
        self
    }

    /// Adds positional parameters; at most [`Script::WORDS`] if their number isn't limited otherwise.
    #[must_use]
    pub fn words(self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        words.into_iter().fold(self, Script::word)
    }

    /// Sets a variable of the program to `yes` or `no`.
    #[must_use]
    pub fn flag(self, name: &'static str, is_set: bool) -> Self {
        self.given(name, if is_set { "yes" } else { "no" })
    }

    /// Exports variables to everything that the script runs. Their names must have been checked
    /// ([`crate::settings::names::check_variable`]).
    #[must_use]
    pub fn variables<'a>(
        mut self,
        variables: impl IntoIterator<Item = &'a (String, String)>,
    ) -> Self {
        self.variables.extend(
            variables.into_iter().map(|(name, value)| (name.clone(), Value::Open(value.clone()))),
        );
        self
    }

    /// Exports variables whose values are never shown.
    #[must_use]
    pub fn secrets<'a>(mut self, secrets: impl IntoIterator<Item = &'a (String, String)>) -> Self {
        self.variables.extend(
            secrets.into_iter().map(|(name, value)| (name.clone(), Value::Secret(value.clone()))),
        );
        self
    }

    /// Adds a line of shell code, the user's own, that runs first.
    #[must_use]
    pub fn setup(mut self, line: &str) -> Self {
        line.clone_into(&mut self.setup);
        self
    }

    /// Returns the name of an exported variable to which the script, or one of the `programs` that it starts, gives a value
    /// of its own: the task would get that one. The scripts use no name with a capital letter, so these aren't looked at.
    #[must_use]
    pub fn clash(&self, programs: &[&str]) -> Option<&str> {
        let parts = self.parts.iter().copied().chain([PRELUDE]).chain(programs.iter().copied());
        let texts: Vec<String> = parts.map(without_comments).chain([find::functions()]).collect();
        let is_used = |name: &str| {
            self.given.iter().any(|(given, _)| *given == name)
                || texts.iter().any(|text| assigns(text, name))
        };
        let names = self.variables.iter().map(|(name, _)| name.as_str());
        names
            .filter(|name| !name.bytes().any(|byte| byte.is_ascii_uppercase()))
            .find(|name| is_used(name))
    }

    /// The text for standard input, as it is before it is packed.
    #[must_use]
    pub fn text(&self) -> String {
        with_headline(&self.render(shell_word_of, true))
    }

    /// The bytes for standard input.
    pub(crate) fn sent(&self) -> Vec<u8> {
        // An observer of the connection sees the length. If the script were packed, the length would depend on what a
        // secret has in common with words that a cube chooses.
        let has_secrets = self.variables.iter().any(|(_, value)| matches!(value, Value::Secret(_)));
        let text = self.render(shell_word_of, true);
        if self.is_packed
            && !has_secrets
            && let Ok(packed) = pack(&text)
        {
            let headline = format!("mlcube-ssh {} {UNPACK}\n", packed.len());
            return [headline.into_bytes(), packed].concat();
        }
        with_headline(&text).into_bytes()
    }

    /// The same script for a session that has the variables already, and has run the user's line.
    pub(crate) fn after_another(&self) -> Self {
        Self { variables: Vec::new(), setup: String::new(), ..self.clone() }
    }

    fn render(&self, quote: fn(&OsStr) -> String, with_secrets: bool) -> String {
        let quoted = |text: &str| quote(OsStr::new(text));
        let mut text = format!("mlcube_ssh() {{\n{}\n", prints(BEGUN));
        for (name, value) in &self.variables {
            let value = match value {
                Value::Secret(_) if !with_secrets => "'(secret)'".to_owned(),
                Value::Open(value) | Value::Secret(value) => quoted(value),
            };
            text.extend([name, "=", &value, "; export ", name, "\n"]);
        }
        if !self.setup.is_empty() {
            text.extend(["mlcube_ssh_setup=", &quoted(&self.setup), "\n"]);
            text.push_str(&without_comments(SETUP));
        }
        text.extend([&prints(READY), "\n"]);
        // After the user's line, which may use the same names.
        for (name, value) in &self.given {
            text.extend([name, "=", &quoted(value), "\n"]);
        }
        text.push_str(&without_comments(PRELUDE));
        let program: String = self.parts.iter().map(|part| without_comments(part)).collect();
        if find::is_called_in(&program) {
            text.push_str(&find::functions());
        }
        text.push_str(&program);
        // In braces: a shell into which the script is pasted runs the line only once all of it is read.
        text.push_str("\n}\n{ mlcube_ssh");
        for word in &self.words {
            text.push(' ');
            text.push_str(&quote(word));
        }
        // Descriptor 3 is read from the client: at its end of file the client is gone.
        text.push_str(" 3<&0 </dev/null");
        if self.is_followed {
            text.extend([" || exit; ", &prints(MORE), "; }\n#whole\n"]);
        } else {
            text.push_str("; exit; }\n#whole\n");
        }
        text
    }
}

/// The command that prints a line of the protocol, without the control character in it.
fn prints(line: &str) -> String {
    format!("printf '{}\\n'", line.replace('\u{2}', "\\002"))
}

/// Returns whether a program has a line that gives a value to a variable: `name=`, `for name`, `read … name`. It may find one
/// where there is none, such as the option of a command.
fn assigns(program: &str, name: &str) -> bool {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    program.lines().any(|line| {
        line.match_indices(name).any(|(at, _)| {
            let (before, after) = (&line[..at], &line[at + name.len()..]);
            let is_whole = !before.as_bytes().last().is_some_and(is_of_name)
                && !after.as_bytes().first().is_some_and(is_of_name);
            is_whole
                && (after.starts_with('=') || before.ends_with("for ") || before.contains("read "))
        })
    })
}

/// A script that isn't packed, after the line with its length.
fn with_headline(text: &str) -> String {
    format!("mlcube-ssh {}\n{text}", text.len())
}

fn pack(text: &str) -> io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text.as_bytes())?;
    packer.finish()
}

impl fmt::Display for Script {
    /// Writes a here-document for a POSIX shell; secrets are shown by name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Escaped before it is measured: the script says how long it is.
        let text = with_headline(&self.render(shown_word_of, false));
        // A file name in it can contain any line.
        let mut end = END.to_owned();
        while text.lines().any(|line| line == end) {
            end.push('_');
        }
        write!(f, "<<'{end}'\n{text}{end}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::command::{Command, Finished};

    /// The shells that may be a host's sh.
    const SHELLS: [&str; 3] = ["dash", "bash", "busybox sh"];

    /// Every line leaves a trace when it runs, alone or not.
    const TRACES: &str = "touch \"$RAN\"
touch \"$RAN\"; touch \"$RAN\"
{ touch \"$RAN\"; }
if touch \"$RAN\"; then :; fi
touch \"$RAN\"";

    /// Passes a text to the loader, as a login shell would run it.
    fn load(shell: &str, text: &str) -> Finished {
        loading(shell, text).run().unwrap()
    }

    fn loading(shell: &str, text: &str) -> Command {
        let loader = LOADER.replacen("exec sh", shell, 1);
        let line = format!("{loader} <<'{END}'\n{text}\n{END}\n");
        Command::new("sh").args(["-c", &line])
    }

    fn printed(finished: &Finished) -> String {
        String::from_utf8_lossy(&finished.output).into_owned()
    }

    #[test]
    fn a_variable_that_a_script_sets_itself_is_found() {
        let clash = |name: &str| {
            let script = Script::new("own=1; read -r first second").given("base", "/b");
            let script = script.secrets(&[(name.to_owned(), String::new())]);
            script.clash(&["for each in \"$own_value\"; do :; done # loop"]).is_some()
        };
        for name in ["own", "first", "second", "base", "each", "user_locale"] {
            assert!(clash(name), "{name}");
        }
        for name in ["TOKEN", "Own", "http_proxy", "own_value", "loop", "ow"] {
            assert!(!clash(name), "{name}");
        }
    }

    #[test]
    fn words_are_quoted_and_secrets_hidden() {
        let script = Script::new("echo \"$1\"")
            .word("it's")
            .secrets(&[("TOKEN".to_owned(), "s3cret".to_owned())]);
        assert!(script.text().contains(r"mlcube_ssh 'it'\''s' 3<&0 </dev/null; exit; }"));
        assert!(script.text().contains("TOKEN=s3cret; export TOKEN"));
        assert!(!script.to_string().contains("s3cret"));
    }

    #[test]
    fn a_script_behind_another_one() {
        let first = Script::new("cd /; echo one").setup("HELD=on").followed();
        let second = Script::new("pwd; echo $HELD").setup("exit 9").after_another().text();
        let loader = LOADER.strip_prefix("exec ").unwrap();
        // The second script is sent when the first has replied, because `head` reads ahead.
        let folder = tempfile::tempdir().unwrap();
        let line = format!(
            "cd \"$0\"; {{ printf %s \"$1\"; until grep -qs \"$3\" replies || [ -e ended ]; do :; done; printf %s \"$2\"; }} | {{ {loader} >replies; status=$?; : >ended; cat replies; exit $status; }}"
        );
        let (place, first) = (folder.path().to_str().unwrap(), first.text());
        let words = ["-c", &line, place, &first, &second, MORE];
        let ran = Command::new("sh").args(words).run().unwrap();
        let word = format!("{BEGUN}\n{READY}\n");
        assert_eq!((ran.status, printed(&ran)), (0, format!("{word}one\n{MORE}\n{word}/\non\n")));
        let failed = load("sh", &Script::new("return 3").followed().text());
        assert_eq!((failed.status, printed(&failed)), (3, word));
    }

    #[test]
    fn what_the_setup_leaves_breaks_no_script() {
        let program = "set -- 'a b'; for word in $1; do printf '%s.' \"$word\"; done; printf %s \"${unset-}\"; false; ls -d / /e[t]c; echo $A";
        for shell in ["dash", "bash"] {
            let run = |setup: &str| {
                let script = Script::new(program).setup(setup).text();
                let (_, script) = script.split_once('\n').unwrap();
                Command::new(shell).args(["-c", script]).run().unwrap()
            };
            let ran = run(
                "IFS=b; PATH=/nowhere; set -euf; trap 'echo trapped' EXIT; export A=kept; echo words; echo why >&2",
            );
            let expected = format!("{BEGUN}\nwhy\n{READY}\na.b./\n/etc\nkept\n");
            assert_eq!(String::from_utf8_lossy(&ran.output), expected, "{shell}: {}", ran.errors);
            assert!(ran.errors.contains("words"), "{}", ran.errors);
            let failed = run("echo why >&2; (exit 3)");
            assert_eq!((failed.status, printed(&failed)), (3, format!("{BEGUN}\nwhy\n")));
        }
    }

    #[test]
    fn what_is_given_has_a_name_and_isnt_exported() {
        let odd = "~ it's $HOME\n\\ \"é\" *";
        let script = Script::new("printf '%s' \"$place\"; sh -c 'printf %s \"${place-}\"'")
            .setup("place=of-the-user")
            .given("place", odd);
        for shell in SHELLS {
            let ran = load(shell, &script.text());
            assert_eq!(printed(&ran), format!("{BEGUN}\n{READY}\n{odd}"), "{shell}");
        }
        assert!(script.to_string().contains("\nplace='~ it'\\''s $HOME\n"), "{script}");
    }

    #[test]
    fn what_is_shown_is_whole_too() {
        let script =
            Script::new("echo \"$TOKEN\"").secrets(&[("TOKEN".to_owned(), "é".to_owned())]);
        let line = format!("{} {script}\n", LOADER.strip_prefix("exec ").unwrap());
        let ran = Command::new("sh").args(["-c", &line]).run().unwrap();
        assert_eq!(printed(&ran), format!("{BEGUN}\n{READY}\n(secret)\n"));
    }

    #[test]
    fn what_is_shown_can_be_pasted_whatever_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let odd = format!("a\n{END}\n{END}_\ntouch pwned\n\tb\u{202e}\u{9b}é\u{1b}[2J");
        let script = Script::new("printf '%s.' \"$odd\" \"$ODD\" \"$1\"")
            .given("odd", &odd)
            .variables([&("ODD".to_owned(), odd.clone())])
            .setup("# \u{9b}\n:\t")
            .word(&odd);
        let shown = crate::text::printable::printable_lines(&script.to_string());
        let line = format!("cd \"$0\"; {} {shown}\n", LOADER.strip_prefix("exec ").unwrap());
        let ran = Command::new("sh").args(["-c", &line, folder.path().to_str().unwrap()]).run();
        let printed = printed(&ran.unwrap());
        assert_eq!(printed, format!("{BEGUN}\n{READY}\n{odd}.{odd}.{odd}."));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_script_that_lost_its_beginning_or_its_end_does_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let ran = folder.path().join("ran");
        let load = |shell: &str, text: &str| {
            loading(shell, text).variable("RAN", &ran.display().to_string()).run().unwrap()
        };
        let text = Script::new(TRACES).text();
        for shell in SHELLS {
            let at = (1..text.len()).step_by(97).chain([1, 2, 11, 17, text.len() - 3]);
            for at in at {
                let lost = load(shell, &text[at..]);
                assert!(printed(&lost).ends_with(&format!("{NOT_WHOLE}\n")), "{shell} from {at}");
                let cut = load(shell, &text[..at]);
                assert!(!printed(&cut).contains(READY), "{shell} up to {at}");
            }
            assert!(!ran.exists(), "{shell}");
            assert_eq!(load(shell, &text).status, 0);
            assert!(ran.exists());
            std::fs::remove_file(&ran).unwrap();
        }
    }

    #[test]
    fn a_packed_script_runs_when_it_is_whole_and_not_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let sent = folder.path().join("sent");
        let load = |shell: &str, bytes: &[u8]| {
            std::fs::write(&sent, bytes).unwrap();
            let line = format!("{} <\"$0\"", LOADER.replacen("exec sh", shell, 1));
            Command::new("sh").args(["-c", &line, sent.to_str().unwrap()]).run().unwrap()
        };
        let script = Script::new("# shown to nobody\nprintf %s \"$1\"").word("é#\n").packed(true);
        let packed = script.sent();
        assert!(packed.len() < script.text().len() / 2);
        for shell in SHELLS {
            let ran = load(shell, &packed);
            assert_eq!(printed(&ran), format!("{BEGUN}\n{READY}\né#\n"), "{shell}");
            // The last eight bytes are a sum and a length: without them the script is whole, too.
            for at in (1..packed.len() - 16).step_by(61).chain([2, 17, packed.len() - 16]) {
                let (cut, lost) = (load(shell, &packed[..at]), load(shell, &packed[at..]));
                assert!(!printed(&cut).contains(READY), "{shell} up to {at}");
                assert!(!printed(&lost).contains(READY), "{shell} from {at}");
            }
        }
    }

    #[test]
    fn the_length_of_a_script_reveals_nothing_about_a_secret() {
        let sent = |secret: &str| {
            let secret = ("TOKEN".to_owned(), secret.to_owned());
            Script::new("exit").word("s3cret").secrets([&secret]).packed(true).sent().len()
        };
        assert_eq!(sent("s3cret"), sent("tr.o0q"));
    }
}
