//! ChatGPT's own hosts.

/// The names of ChatGPT's origin.
pub const HOSTS: [&str; 2] = ["chatgpt.com", "chat.openai.com"];
