//! Pagination: the cursor is the decimal offset of the first entry.

use std::ops::Range;

use serde::Deserialize;

use super::wire::{RpcError, echo};

/// The requested page.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Page {
    cursor: Option<String>,
    limit: Option<u32>,
}

/// The entries of this page of `total`, and the cursor of the next one. Without a limit a page has
/// all remaining entries; a limit of 0 counts as 1, so that the client advances.
pub(crate) fn page(page: &Page, total: usize) -> Result<(Range<usize>, Option<String>), RpcError> {
    let start = match &page.cursor {
        None => 0,
        Some(cursor) => {
            let wrong = |what: &str| {
                RpcError::invalid_request(format!("invalid cursor: {}: {what}", echo(cursor)))
            };
            let digits = !cursor.is_empty() && cursor.bytes().all(|byte| byte.is_ascii_digit());
            let start = cursor.parse().ok().filter(|_| digits);
            let start: usize = start.ok_or_else(|| wrong("expected a nextCursor"))?;
            if start > total {
                return Err(wrong(&format!("there are {total} entries")));
            }
            start
        }
    };
    let limit = page.limit.map_or(total, |limit| usize::try_from(limit).unwrap_or(total).max(1));
    let end = start.saturating_add(limit).min(total);
    Ok((start..end, (end < total).then(|| end.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<(Range<usize>, Option<String>), String> {
        let asked = Page { cursor: cursor.map(str::to_owned), limit };
        page(&asked, 5).map_err(|error| error.message)
    }

    #[test]
    fn pages_follow_one_another_to_the_end() {
        assert_eq!(of(None, None), Ok((0..5, None)));
        assert_eq!(of(None, Some(2)), Ok((0..2, Some("2".into()))));
        assert_eq!(of(Some("2"), Some(2)), Ok((2..4, Some("4".into()))));
        assert_eq!(of(Some("4"), Some(2)), Ok((4..5, None)));
        assert_eq!(of(Some("5"), Some(2)), Ok((5..5, None)));
        assert_eq!(of(None, Some(0)), Ok((0..1, Some("1".into()))));
    }

    #[test]
    fn an_invalid_cursor_is_an_invalid_request() {
        for cursor in ["", "x", "+1", "-1", " 1", "6", "99999999999999999999999"] {
            assert!(of(Some(cursor), None).is_err(), "{cursor}");
        }
    }
}
