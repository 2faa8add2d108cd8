//! App-servers as programs, driven over their own protocol.

pub mod true_origin;
