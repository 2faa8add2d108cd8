//! A number as a choice from each of several lists, so that a number names a case of a product of
//! lists.

/// A number split into digits of a mixed base, least significant first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digits(u64);

impl Digits {
    pub(super) fn new(number: u64) -> Self {
        Digits(number)
    }

    /// The next digit, less than `base`, which is at least 1.
    pub(super) fn next(&mut self, base: u64) -> u64 {
        let base = base.max(1);
        let digit = self.0 % base;
        self.0 /= base;
        digit
    }

    /// The next choice; `None` if there is nothing to choose.
    pub(super) fn pick<'a, T>(&mut self, choice: &'a [T]) -> Option<&'a T> {
        let digit = self.next(choice.len() as u64);
        choice.get(digit as usize)
    }

    /// What is left of the number.
    pub(super) fn rest(self) -> u64 {
        self.0
    }
}
