//! ChatGPT's own hosts.

/// The host names of ChatGPT's origin.
pub const HOSTS: [&str; 2] = ["chatgpt.com", "chat.openai.com"];
