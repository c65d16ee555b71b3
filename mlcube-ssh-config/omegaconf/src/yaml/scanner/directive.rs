//! Lines that begin with `%`.

use super::Scanner;
use super::cursor::{is_blank_or_end, is_break};
use super::tag::is_word;
use crate::yaml::error::Error;
use crate::yaml::token::{Directive, Kind, Token};

impl Scanner {
    pub(super) fn fetch_directive(&mut self) -> Result<(), Error> {
        self.unwind(-1);
        self.keys.remove(self.flow)?;
        self.key_allowed = false;
        let mark = self.cursor.mark();
        self.cursor.skip(1);
        let name = self.cursor.take_while(is_word);
        if name.is_empty() || !is_blank_or_end(self.cursor.peek(0)) {
            return Err(self.error("the directive's name is missing"));
        }
        let directive = match name.as_str() {
            "YAML" => self.scan_version()?,
            "TAG" => self.scan_tag_directive()?,
            _ => {
                self.cursor.skip_while(|c| !is_break(c));
                Directive::Other
            }
        };
        self.skip_rest_of_line()?;
        self.tokens.push_back(Token { kind: Kind::Directive(directive), mark });
        Ok(())
    }

    /// ` 1.1`
    fn scan_version(&mut self) -> Result<Directive, Error> {
        self.cursor.skip_while(|c| c == ' ');
        let major = self.cursor.take_while(|c| c.is_ascii_digit());
        let point = self.cursor.take(1);
        let minor = self.cursor.take_while(|c| c.is_ascii_digit());
        if major.is_empty()
            || point != "."
            || minor.is_empty()
            || !is_blank_or_end(self.cursor.peek(0))
        {
            return Err(self.error("the version is written as %YAML 1.1"));
        }
        Ok(Directive::Yaml { major })
    }

    /// ` !handle! prefix`
    fn scan_tag_directive(&mut self) -> Result<Directive, Error> {
        self.cursor.skip_while(|c| c == ' ');
        let handle = self.scan_handle()?;
        if self.cursor.peek(0) != Some(' ') {
            return Err(self.error("a blank is missing here"));
        }
        self.cursor.skip_while(|c| c == ' ');
        let prefix = self.scan_uri()?;
        if !is_blank_or_end(self.cursor.peek(0)) {
            return Err(self.error("a blank is missing here"));
        }
        Ok(Directive::Tag { handle, prefix })
    }
}
