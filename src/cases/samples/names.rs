//! Names: of servers, tools, headers, variables, plugins and contributors.

/// Groups of names that some implementation takes for one name. Names are compared byte for byte,
/// so each is a name of its own.
pub const CONFUSABLE: &[&[&str]] = &[
    &[
        "codex_apps",
        "Codex_Apps",
        "CODEX_APPS",
        "codex-apps",
        "codex.apps",
        "codexApps",
        "codexapps",
    ],
    &[
        "codex_apps",
        " codex_apps",
        "codex_apps ",
        "codex_apps\n",
        "\u{feff}codex_apps",
        "codex_apps\0",
    ],
    // A long s, a Cyrillic a and a full-width c.
    &[
        "codex_apps",
        "codex_app\u{17f}",
        "codex_\u{430}pps",
        "\u{ff43}odex_apps",
        "codex_apps\u{200b}",
    ],
    &["codex_apps", "codex_apps_2", "codex_app", "codex__apps", "mcp__codex_apps", "codex_apps/x"],
    &["docs", "Docs", "DOCS", " docs", "docs ", "docs\t", "doc"],
    &["\u{e9}", "e\u{301}", "\u{c9}", "e"],
    &["K", "k", "\u{212a}"],
    &["i", "I", "\u{131}", "\u{130}", "i\u{307}"],
    &["ss", "\u{df}", "\u{1e9e}", "SS"],
    &["fi", "\u{fb01}", "FI"],
    &["\u{3c3}", "\u{3c2}", "\u{3a3}"],
    &["\u{ac00}", "\u{1100}\u{1161}"],
    &["a.b", "a_b", "a-b", "a/b", "a b", "a:b", "a"],
    &["1", "01", "1.0", "+1", "10", "9"],
    &["a", "a\0", "a\0b", "a\u{200d}", "a\u{fe0f}", "a\u{ad}"],
    &["", " ", "\t", "\u{a0}", "\u{feff}", "\u{2028}"],
    &["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "__defineGetter__"],
    &["null", "true", "undefined", "None", "nil", "NaN"],
    &["\u{1f600}", "\u{1f601}", "\u{fffd}", "\u{d7ff}", "\u{e000}", "\u{10ffff}"],
    &["\u{5d0}\u{5d1}", "\u{202e}ab", "ab", "\u{5d1}\u{5d0}"],
    &["mcp_servers", "host", "plugins", "contributors", "effective", "host.mcp_servers.a", "a[0]"],
    &["$HOME", "${HOME}", "%HOME%", "~", "$(id)", "{{x}}"],
    &["\"", "'", "\\", "\\n", "\n", "\r\n", "[x]"],
    &["\u{ffff}", "\u{1f4a9}", "\u{e9}\u{1f4a9}", "z"],
];

/// Plugin and contributor ids in an order that differs from each order that sorting gives: by
/// byte, by number, without case.
pub const IDS: [&str; 17] = [
    "p2", "p10", "p1", "p9", "P3", "b@market", "a@market", "a@other", "z", "\u{e9}", "A@market",
    "p11", "p02", "10", "9", "", "m",
];
