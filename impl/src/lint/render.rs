//! Findings as rustc and cargo show theirs: the place, the line with a mark, and what to do.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::finding::Finding;
use super::lines::{Lines, Position};
use super::rule::Severity;
use super::shown::{Hidden, line, visible};

/// Columns of the output.
const WIDTH: usize = 100;

/// The finding for a terminal, with its styles as escape sequences. Print it through `anstream`, which
/// removes them where they are not wanted.
pub(super) fn render(finding: &Finding, lines: &Lines<'_>, hidden: &Hidden, file: &str) -> String {
    let level = match finding.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let message = visible(&finding.message);
    let (meaning, help) = (visible(&finding.meaning), visible(&finding.help));
    let title = level.primary_title(message.as_ref()).id(finding.rule.id());
    let file = visible(file);
    let mut group = Group::with_title(title);
    let line = finding.span.as_ref().and_then(|span| line(lines, hidden, span));
    group = match (&line, &finding.span) {
        (Some(line), Some(span)) => {
            let mark = AnnotationKind::Primary.span(line.mark.clone()).label(meaning.as_ref());
            let snippet = Snippet::source(line.text.as_str()).line_start(lines.number(span.start));
            group.element(snippet.path(file.as_ref()).annotation(mark))
        }
        (_, span) => {
            let mut origin = Origin::path(file.as_ref());
            if let Some(Position { line, column }) = span.as_ref().map(|s| lines.position(s.start))
            {
                origin = origin.line(line).char_column(column);
            }
            group.element(origin).element(Level::NOTE.message(meaning.as_ref()))
        }
    };
    if !help.is_empty() {
        group = group.element(Level::HELP.message(help.as_ref()));
    }
    let mut text = Renderer::styled().term_width(WIDTH).render(&[group]).to_string();
    text.push('\n');
    text
}
