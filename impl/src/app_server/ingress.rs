//! Lines from the client, of bounded length.

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// The longest line that is read, in bytes.
pub(crate) const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// The next input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line without its end.
    Whole(Vec<u8>),
    /// A line that is longer than `max`, which was skipped.
    TooLong,
    /// The end of the input. An unterminated last line is incomplete and is dropped.
    End,
}

/// The next line of at most `max` bytes.
///
/// # Errors
/// The input cannot be read.
pub(crate) async fn next_line(
    input: &mut (impl AsyncBufRead + Unpin),
    max: usize,
) -> std::io::Result<Line> {
    let mut line = Vec::new();
    let mut too_long = false;
    loop {
        let available = input.fill_buf().await?;
        if available.is_empty() {
            return Ok(Line::End);
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
        if line.len() + part.len() > max {
            too_long = true;
            line = Vec::new();
        } else if !too_long {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(if too_long { Line::TooLong } else { Line::Whole(line) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_overlong_line_is_skipped_and_the_next_one_is_read() {
        let text = format!("ab\n{}\ncd\n\nunfinished", "x".repeat(1_000));
        let mut input = tokio::io::BufReader::with_capacity(16, text.as_bytes());
        let mut lines = Vec::new();
        loop {
            match next_line(&mut input, 10).await.unwrap() {
                Line::End => break,
                line => lines.push(line),
            }
        }
        let whole = |text: &str| Line::Whole(text.as_bytes().to_vec());
        assert_eq!(lines, [whole("ab"), Line::TooLong, whole("cd"), whole("")]);
    }
}
