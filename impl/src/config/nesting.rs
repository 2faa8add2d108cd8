//! How deep a TOML text nests, found before it is parsed.
//!
//! The parser bounds brackets and dots each on its own, not both together: `a.b.c = { d.e.f = …`
//! can make a tree deep enough for its own destructor to run out of stack.

use toml_parser::Source;
use toml_parser::lexer::TokenKind;

/// How deep a table header may be, and how deep what follows it may be.
const MAX_DEPTH: usize = 64;

/// The byte offset at which the text nests too deeply, if it does. Counts dots and brackets, so
/// dots that are no nesting (of numbers and times) count too, until the next comma or line.
pub(crate) fn too_deep_at(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut dots = 0_usize;
    // The dots that led to each open bracket.
    let mut open = Vec::new();
    for token in Source::new(text).lex() {
        match token.kind() {
            TokenKind::Dot => dots += 1,
            TokenKind::Comma | TokenKind::Newline => dots = 0,
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => {
                depth += dots + 1;
                open.push(dots + 1);
                dots = 0;
            }
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => {
                depth -= open.pop().unwrap_or(0);
                dots = 0;
            }
            _ => {}
        }
        if depth + dots > MAX_DEPTH {
            return Some(token.span().start());
        }
    }
    None
}
