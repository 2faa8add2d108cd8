//! The statements of a TOML text and their lines. An edit replaces whole statements, so that
//! everything else stays unchanged, byte for byte.

use std::ops::Range;

use toml_parser::decoder::Encoding;
use toml_parser::parser::{EventReceiver, parse_document};
use toml_parser::{ErrorSink, Source, Span};

/// A header, or a key with its value.
#[derive(Debug)]
pub(super) struct Statement {
    /// Whether it is a header, `[a.b]`.
    pub(super) is_header: bool,
    /// Its path from the root.
    pub(super) path: Vec<String>,
    /// The length of the path of the header above.
    pub(super) above: usize,
    /// Its lines, with the last line ending.
    pub(super) lines: Range<usize>,
}

/// The statements of a valid TOML text.
pub(super) fn statements(text: &str) -> Vec<Statement> {
    let tokens = Source::new(text).lex().into_vec();
    let mut scan = Scan { text, ..Scan::default() };
    parse_document(&tokens, &mut scan, &mut ());
    scan.finish(text.len());
    scan.statements
}

#[derive(Default)]
struct Scan<'a> {
    text: &'a str,
    statements: Vec<Statement>,
    header: Vec<String>,
    start: Option<usize>,
    is_header: bool,
    keys: Vec<String>,
    /// The keys of the statement are complete.
    has_keys: bool,
    /// The number of open arrays and inline tables.
    depth: usize,
}

impl Scan<'_> {
    fn open(&mut self, at: usize) {
        self.start.get_or_insert(at);
    }

    /// Ends the statement, if there is one.
    fn finish(&mut self, end: usize) {
        let keys = std::mem::take(&mut self.keys);
        let is_header = std::mem::take(&mut self.is_header);
        self.has_keys = false;
        let Some(start) = self.start.take() else { return };
        let before = self.text.get(..start).unwrap_or_default();
        let lines = before.rfind('\n').map_or(0, |newline| newline + 1)..end;
        let (path, above) = if is_header {
            self.header.clone_from(&keys);
            (keys, 0)
        } else {
            let path = self.header.iter().cloned().chain(keys).collect();
            (path, self.header.len())
        };
        self.statements.push(Statement { is_header, path, above, lines });
    }
}

impl EventReceiver for Scan<'_> {
    fn std_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.open(span.start());
        self.is_header = true;
    }

    fn array_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.open(span.start());
        self.is_header = true;
    }

    fn simple_key(&mut self, span: Span, _: Option<Encoding>, _: &mut dyn ErrorSink) {
        if self.depth == 0 && !self.has_keys {
            self.open(span.start());
            let key = self.text.get(span.start()..span.end()).unwrap_or_default();
            let key = key.parse::<toml_edit::Key>().map(|key| key.get().to_owned());
            self.keys.push(key.unwrap_or_default());
        }
    }

    fn key_val_sep(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.has_keys |= self.depth == 0;
    }

    fn inline_table_open(&mut self, _: Span, _: &mut dyn ErrorSink) -> bool {
        self.depth += 1;
        true
    }

    fn inline_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn array_open(&mut self, _: Span, _: &mut dyn ErrorSink) -> bool {
        self.depth += 1;
        true
    }

    fn array_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn newline(&mut self, span: Span, _: &mut dyn ErrorSink) {
        if self.depth == 0 {
            self.finish(span.end());
        }
    }
}
