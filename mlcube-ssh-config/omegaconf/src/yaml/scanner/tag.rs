//! Anchors, aliases and tags.

use super::Scanner;
use super::cursor::{is_blank_or_end, is_break, is_space_or_end};
use crate::yaml::error::Error;
use crate::yaml::token::{Kind, Token};

pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

impl Scanner {
    /// `&name` or `*name`.
    pub(super) fn fetch_anchor(&mut self) -> Result<(), Error> {
        self.maybe_key()?;
        self.key_allowed = false;
        let mark = self.cursor.mark();
        let is_alias = self.cursor.peek(0) == Some('*');
        self.cursor.skip(1);
        let name = self.cursor.take_while(is_word);
        let next = self.cursor.peek(0);
        if name.is_empty()
            || !(is_space_or_end(next)
                || matches!(next, Some('?' | ':' | ',' | ']' | '}' | '%' | '@' | '`')))
        {
            return Err(self.error("an anchor's name is made of letters, digits, '-' and '_'; quote the text if it isn't an anchor"));
        }
        let kind = if is_alias { Kind::Alias(name) } else { Kind::Anchor(name) };
        self.tokens.push_back(Token { kind, mark });
        Ok(())
    }

    pub(super) fn fetch_tag(&mut self) -> Result<(), Error> {
        self.maybe_key()?;
        self.key_allowed = false;
        let mark = self.cursor.mark();
        let (handle, suffix) = self.scan_tag()?;
        if !is_blank_or_end(self.cursor.peek(0)) {
            return Err(self.error("a blank must follow a tag"));
        }
        self.tokens.push_back(Token { kind: Kind::Tag(handle, suffix), mark });
        Ok(())
    }

    fn scan_tag(&mut self) -> Result<(Option<String>, String), Error> {
        match self.cursor.peek(1) {
            Some('<') => {
                self.cursor.skip(2);
                let uri = self.scan_uri()?;
                if self.cursor.peek(0) != Some('>') {
                    return Err(self.error("'>' is missing here"));
                }
                self.cursor.skip(1);
                Ok((None, uri))
            }
            next if is_space_or_end(next) => {
                self.cursor.skip(1);
                Ok((None, "!".to_owned()))
            }
            _ => {
                let handle = self.scan_handle_of_tag()?;
                Ok((Some(handle), self.scan_uri()?))
            }
        }
    }

    /// `!`, `!!` or `!name!`: a word with a second exclamation mark is one of the latter two.
    fn scan_handle_of_tag(&mut self) -> Result<String, Error> {
        let mut ahead = 1;
        while let Some(c) = self.cursor.peek(ahead).filter(|&c| c != ' ' && !is_break(c)) {
            if c == '!' {
                return self.scan_handle();
            }
            ahead += 1;
        }
        Ok(self.cursor.take(1))
    }

    pub(super) fn scan_handle(&mut self) -> Result<String, Error> {
        let mut handle = self.cursor.take(1);
        if handle != "!" {
            return Err(self.error("a tag's handle begins with '!'"));
        }
        if self.cursor.peek(0) != Some(' ') {
            handle.push_str(&self.cursor.take_while(is_word));
            if self.cursor.peek(0) != Some('!') {
                return Err(self.error("a tag's handle ends with '!'"));
            }
            handle.push_str(&self.cursor.take(1));
        }
        Ok(handle)
    }

    pub(super) fn scan_uri(&mut self) -> Result<String, Error> {
        let mut uri = String::new();
        loop {
            let is_uri = |c: char| c.is_ascii_alphanumeric() || "-;/?:@&=+$,_.!~*'()[]".contains(c);
            uri.push_str(&self.cursor.take_while(is_uri));
            if self.cursor.peek(0) != Some('%') {
                break;
            }
            uri.push_str(&self.scan_octets()?);
        }
        if uri.is_empty() { Err(self.error("the tag's name is missing")) } else { Ok(uri) }
    }

    /// `%C3%A9`
    fn scan_octets(&mut self) -> Result<String, Error> {
        let mut octets = Vec::new();
        while self.cursor.peek(0) == Some('%') {
            self.cursor.skip(1);
            let digits = self.cursor.take(2);
            let is_hexadecimal = digits.len() == 2 && digits.chars().all(|c| c.is_ascii_hexdigit());
            let octet = u8::from_str_radix(&digits, 16).ok().filter(|_| is_hexadecimal);
            octets.push(octet.ok_or_else(|| self.error("two hexadecimal digits must follow '%'"))?);
        }
        String::from_utf8(octets).map_err(|_| self.error("the tag isn't UTF-8"))
    }
}
