//! The forms in which a request can be written, and that a subject must read alike.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The greatest `seq`.
const MOST_SEQ: u64 = 1 << 53;

/// The most requests that the driver sends before it reads an answer.
const AHEAD: usize = 1_024;

/// The gap between two numbers of [`Form::AnySeq`].
const GAP: u64 = 1_000;

/// A form in which requests are written and sent. `docs/protocol.md` promises that it does not
/// matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Blank lines between the requests.
    BlankLines,
    /// Spaces, tabs and carriage returns between the tokens of a request.
    WhiteSpace,
    /// The members of every object in reverse order.
    MemberOrder,
    /// Members of a request that no version has.
    UnknownMembers,
    /// Members of a request twice; the last one counts.
    DuplicateMembers,
    /// The same for every object in the case.
    DuplicateMembersOfCase,
    /// Optional members of a case left out where they have their default.
    AbsentMembers,
    /// Null for these members.
    NullMembers,
    /// Every character of every text as `\uXXXX`.
    Escapes,
    /// Numbers that are no integers with an exponent, or with all their digits.
    Exponents,
    /// Sequence numbers that have gaps and do not ascend.
    AnySeq,
    /// Sequence numbers up to 2^53.
    LargeSeq,
    /// A case with 120 levels.
    DeepCase,
    /// A line of 16 MiB.
    LongLine,
    /// 1,024 requests, sent before the first answer is read.
    FarAhead,
    /// After each case one of a profile that no subject knows.
    UnknownProfile,
    /// `stop` after each batch.
    Stop,
    /// The end of input instead of `stop`.
    EndOfInput,
}

impl Form {
    /// All forms.
    pub const ALL: [Form; 18] = [
        Form::BlankLines,
        Form::WhiteSpace,
        Form::MemberOrder,
        Form::UnknownMembers,
        Form::DuplicateMembers,
        Form::DuplicateMembersOfCase,
        Form::AbsentMembers,
        Form::NullMembers,
        Form::Escapes,
        Form::Exponents,
        Form::AnySeq,
        Form::LargeSeq,
        Form::DeepCase,
        Form::LongLine,
        Form::FarAhead,
        Form::UnknownProfile,
        Form::Stop,
        Form::EndOfInput,
    ];

    /// The name used in findings.
    pub fn word(self) -> &'static str {
        match self {
            Form::BlankLines => "blank-lines",
            Form::WhiteSpace => "white-space",
            Form::MemberOrder => "member-order",
            Form::UnknownMembers => "unknown-members",
            Form::DuplicateMembers => "duplicate-members",
            Form::DuplicateMembersOfCase => "duplicate-members-of-case",
            Form::AbsentMembers => "absent-members",
            Form::NullMembers => "null-members",
            Form::Escapes => "escapes",
            Form::Exponents => "exponents",
            Form::AnySeq => "any-seq",
            Form::LargeSeq => "large-seq",
            Form::DeepCase => "deep-case",
            Form::LongLine => "long-line",
            Form::FarAhead => "far-ahead",
            Form::UnknownProfile => "unknown-profile",
            Form::Stop => "stop",
            Form::EndOfInput => "end-of-input",
        }
    }

    /// The promise of `docs/protocol.md`, word for word.
    pub fn promise(self) -> &'static str {
        match self {
            Form::BlankLines => "A subject ignores blank lines.",
            Form::WhiteSpace => {
                "A request can have spaces, tabs and carriage returns between its tokens."
            }
            Form::MemberOrder => "The members of an object can come in any order.",
            Form::UnknownMembers => "A subject ignores unknown members of a request.",
            Form::DuplicateMembers | Form::DuplicateMembersOfCase => {
                "Of two members of an object with the same name, the last one counts."
            }
            Form::AbsentMembers => "An absent optional member has its default.",
            Form::NullMembers => "Null for an optional member means an absent member.",
            Form::Escapes => "Any character of a text can be written as `\\uXXXX`.",
            Form::Exponents => {
                "`1e3`, `1E+3` and `1000.0` are the same number, and no integer, and so is one of more than 64 bits."
            }
            Form::AnySeq => "The numbers can have gaps and need not ascend.",
            Form::LargeSeq => "`seq` is an integer from 1 to 2^53.",
            Form::DeepCase => "A case can be nested 120 levels deep.",
            Form::LongLine => "A line has at most 16 MiB.",
            Form::FarAhead => "The driver can send up to 1,024 requests before it reads an answer.",
            Form::UnknownProfile => {
                "A subject skips every case of an unknown profile without validating it, because the \
                 form of a case can differ there."
            }
            Form::Stop => "the subject exits with status 0",
            Form::EndOfInput => "End of input means `stop`.",
        }
    }

    /// How many requests are sent to ask this many cases. Those after the cases repeat them, or are
    /// of an unknown profile.
    pub(super) fn requests(self, cases: usize) -> usize {
        match self {
            Form::FarAhead => cases.max(AHEAD),
            Form::UnknownProfile => 2 * cases,
            _ => cases,
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The sequence numbers of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbering {
    first: u64,
    count: usize,
    form: Option<Form>,
}

impl Numbering {
    /// The numbers of `count` requests; `next` is the next unused number of the process.
    pub(super) fn new(form: Option<Form>, next: u64, count: usize) -> Self {
        let first = match form {
            Some(Form::LargeSeq) => MOST_SEQ + 1 - count as u64,
            _ => next,
        };
        Numbering { first, count, form }
    }

    /// The number of the request at a position.
    pub(super) fn seq(&self, position: usize) -> u64 {
        match self.form {
            Some(Form::AnySeq) => self.first + GAP * (self.count - position) as u64,
            _ => self.first + position as u64,
        }
    }

    /// The position of the request with a number.
    pub(super) fn position(&self, seq: u64) -> Option<usize> {
        let offset = seq.checked_sub(self.first)?;
        let position = match self.form {
            Some(Form::AnySeq) if offset.is_multiple_of(GAP) => {
                self.count.checked_sub((offset / GAP) as usize)?
            }
            Some(Form::AnySeq) => return None,
            _ => offset as usize,
        };
        (position < self.count).then_some(position)
    }

    /// Whether the request at a position is one of an unknown profile.
    pub(super) fn is_unknown(&self, position: usize) -> bool {
        self.form == Some(Form::UnknownProfile) && position >= self.count / 2
    }

    /// Whether a number is of an earlier batch.
    pub(super) fn is_earlier(&self, seq: u64) -> bool {
        seq > 0 && seq < self.first
    }

    /// The next unused number.
    pub(super) fn next(&self) -> u64 {
        match self.form {
            Some(Form::AnySeq) => self.first + GAP * (self.count as u64 + 1),
            _ => self.first + self.count as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_leads_back_to_its_request() {
        for form in [None, Some(Form::AnySeq), Some(Form::LargeSeq)] {
            let numbering = Numbering::new(form, 5, 3);
            for position in 0..3 {
                assert_eq!(numbering.position(numbering.seq(position)), Some(position), "{form:?}");
                assert!(numbering.seq(position) < numbering.next() && numbering.seq(position) >= 5);
            }
            assert_eq!(numbering.position(numbering.next()), None, "{form:?}");
            assert!(numbering.is_earlier(4));
        }
        assert_eq!(Numbering::new(Some(Form::LargeSeq), 1, 1).seq(0), 1 << 53);
    }
}
