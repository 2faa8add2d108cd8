//! Parts of the pages of Markdown.

use std::fmt::{Result, Write};

use super::matrix::Matrix;

/// When and how a page was made.
pub(super) fn write_head(page: &mut String, matrix: &Matrix, date: &str, command: &str) -> Result {
    writeln!(page, "Made by mcp-overlay {} on {date} with\n", env!("CARGO_PKG_VERSION"))?;
    writeln!(page, "    {command}\n")?;
    writeln!(
        page,
        "Each release was asked the same {} cases once, from outside ([black-box.md](../black-box.md)),\n\
         and its answers compared with each profile of [semantics.md](../semantics.md).\n",
        matrix.plan.cases
    )
}

/// What is folded away until somebody asks for it.
pub(super) fn open_details(page: &mut String, summary: &str) -> Result {
    writeln!(page, "<details>\n<summary>{summary}</summary>\n")
}

pub(super) fn close_details(page: &mut String) -> Result {
    writeln!(page, "</details>\n")
}
