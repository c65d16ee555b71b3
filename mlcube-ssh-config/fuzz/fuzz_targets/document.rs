//! The reader of documents takes any bytes, and reads what it has written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mlcube_ssh::pipe::document::Document;

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = Document::read(bytes) else { return };
    let text = document.to_text().expect("a document that was read can be written");
    let again = Document::read(text.as_bytes()).expect("what was written can be read");
    assert_eq!(again.to_text().ok(), Some(text));
});
