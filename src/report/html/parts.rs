//! Parts shared by all pages.

use maud::{Markup, PreEscaped, Render, html};

use crate::display::{clipped, visible};

const STYLE: &str = include_str!("style.css");

/// The page may load nothing. If untrusted text were ever interpreted as HTML, it would stay inert.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The most characters of one text.
const TEXT: usize = 20_000;

/// The head of a page that loads nothing.
pub(crate) fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(POLICY);
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (Text(title)) " · mcp-overlay" }
            style { (PreEscaped(STYLE)) }
        }
    }
}

/// Untrusted text: invisible characters are written out, and the rest is escaped.
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl Render for Text<'_> {
    fn render_to(&self, buffer: &mut String) {
        clipped(&visible(self.0), TEXT).as_str().render_to(buffer);
    }
}

/// A sentence of the specification, with its names in backticks as code.
pub(crate) fn sentence(text: &str) -> Markup {
    html! {
        @for (position, part) in text.split('`').enumerate() {
            @if position % 2 == 1 { code { (Text(part)) } } @else { (Text(part)) }
        }
    }
}

/// A table that scrolls within its container if it is too wide, also by keyboard.
pub(crate) fn wide(label: &str, table: &Markup) -> Markup {
    html! { div.wide tabindex="0" role="region" aria-label=(label) { (table) } }
}
