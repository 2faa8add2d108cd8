//! Who is signed in.

use crate::case::Auth;

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SignedIn {
    /// The name of the credentials ([`SignIn::credentials`](super::SignIn::credentials)).
    pub account: String,
    /// The kind of sign-in.
    pub auth: Auth,
}
