//! The page in a browser: it fits a phone, and hostile text is inert.

use std::path::Path;
use std::process::Command;

use mcp_overlay::report::Report;
use mcp_overlay::report::html::render;
use serde::Deserialize;

use crate::sample;

/// Widths of two phones and a desktop, in CSS pixels.
const WIDTHS: [u32; 3] = [390, 320, 1280];

/// A page as measured in the browser.
#[derive(Debug, Deserialize)]
pub(crate) struct Measured {
    /// The width of the content, for each frame width.
    content: Vec<u32>,
    /// Elements that overflow to the right outside of a scrolling box.
    overflowing: Vec<String>,
    /// The text of the page.
    pub(crate) text: String,
    /// Elements that no report may have.
    pub(crate) active: usize,
    /// Whether a script of the page ran.
    pub(crate) harm: bool,
}

fn look(report: &Report) -> Measured {
    look_at(&render(report, Some(&sample::matrix())))
}

/// Shows the page in frames of several widths. The page itself has no script, so the page around it
/// takes the measurements; a `srcdoc` frame has the same origin.
pub(crate) fn look_at(page: &str) -> Measured {
    let page = page.replace('&', "&amp;").replace('"', "&quot;");
    let frames = WIDTHS.map(|width| {
        format!(
            "<iframe style=\"width:{width}px;height:800px;border:0\" srcdoc=\"{page}\"></iframe>"
        )
    });
    let around = format!("<!doctype html><body>{}{LOOKING}", frames.concat());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("around.html");
    std::fs::write(&file, around).unwrap();
    let dom = dom_of(&file, folder.path());
    let (_, seen) =
        dom.split_once("<pre id=\"seen\">").unwrap_or_else(|| panic!("no result: {dom}"));
    let (seen, _) = seen.split_once("</pre>").unwrap();
    let hex: Vec<u8> =
        seen.split_whitespace().map(|code| u8::from_str_radix(code, 16).unwrap()).collect();
    serde_json::from_slice(&hex).unwrap()
}

/// Runs after the frames have loaded. The result is hexadecimal, so that it needs no unescaping.
const LOOKING: &str = r#"<script>
addEventListener("load", () => {
  const documents = [...document.querySelectorAll("iframe")].map((frame) => frame.contentDocument);
  const scrolls = (element) => {
    for (let box = element; box; box = box.parentElement)
      if (["auto", "scroll"].includes(box.ownerDocument.defaultView.getComputedStyle(box).overflowX))
        return true;
    return false;
  };
  const overflowing = documents.flatMap((page) => [...page.body.querySelectorAll("*")]
    .filter((element) => element.getBoundingClientRect().right > page.documentElement.clientWidth + 1)
    .filter((element) => !scrolls(element))
    .map((element) => element.outerHTML.slice(0, 200)));
  const all = "script, img, iframe, object, embed, link, form, svg:not(.lanes svg), base, [onerror], [onload]";
  const seen = {
    content: documents.map((page) => page.documentElement.scrollWidth),
    overflowing,
    text: documents[2].body.innerText,
    active: documents.reduce((sum, page) => sum + page.querySelectorAll(all).length, 0),
    harm: "harm" in window,
  };
  const bytes = new TextEncoder().encode(JSON.stringify(seen));
  const out = document.createElement("pre");
  out.id = "seen";
  out.textContent = [...bytes].map((byte) => byte.toString(16)).join(" ");
  document.body.append(out);
});
</script>"#;

/// The DOM after the scripts have run.
fn dom_of(file: &Path, profile: &Path) -> String {
    let browsers = ["chromium", "chromium-browser", "google-chrome"];
    let run = |browser: &&str| {
        let mut command = Command::new(browser);
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-dev-shm-usage",
            "--virtual-time-budget=5000",
        ]);
        command.arg(format!("--user-data-dir={}", profile.join("profile").display()));
        command.arg("--dump-dom").arg(format!("file://{}", file.display())).output().ok()
    };
    let output = browsers.iter().find_map(run).unwrap_or_else(|| {
        panic!("this test needs a browser: apt-get install chromium, or another of {browsers:?}")
    });
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
pub(crate) fn fits(seen: &Measured) {
    assert_eq!(seen.content, WIDTHS, "the page scrolls sideways: {:?}", seen.overflowing);
    assert!(seen.overflowing.is_empty(), "{:?}", seen.overflowing);
}

#[test]
fn the_page_fits_a_phone_and_shows_the_failures() {
    fits(&look(&sample::clean()));
    let seen = look(&sample::failing());
    fits(&seen);
    for words in [
        "6 causes, 1 of them expected; 66 failures in 100,244 cases",
        "The gate MUST be open exactly when the Apps feature is on and auth is backend auth.",
        "warning: <lock> is held",
        "expected: no request to the other origin",
        "mcp-overlay replay mcp-overlay-findings/gate.open-",
        "below the least share",
        "Missed: 1.",
    ] {
        assert!(seen.text.contains(words), "{words} is not in: {}", seen.text);
    }
}

#[test]
fn a_failed_sequence_is_a_picture_that_fits_a_phone() {
    let seen = look(&sample::over_time());
    fits(&seen);
    for words in ["the Apps server", "4 the call with the credentials of alice"] {
        assert!(seen.text.contains(words), "{words} is not in: {}", seen.text);
    }
    let mut long = sample::over_time();
    let picture = long.scenarios[0].picture.as_mut().unwrap();
    picture.lanes = vec!["https://example.org/".to_string() + &"a".repeat(300); 8];
    picture.events[0].text = "W".repeat(5_000);
    fits(&look(&long));
}

#[test]
fn hostile_text_is_inert_in_a_browser() {
    let seen = look(&sample::hostile());
    fits(&seen);
    assert!(!seen.harm && seen.active == 0, "{seen:?}");
    let shown = "</code></pre></title></style></details>'\"><script>parent.harm=1</script>";
    assert!(seen.text.matches(shown).count() > 8, "{}", seen.text);
    let mut long = sample::failing();
    long.run.subject = "m".repeat(500);
    long.findings[0].finding.differences[0].place = "w".repeat(5_000);
    long.findings[0].finding.differences[0].actual = "W".repeat(5_000).into();
    long.scenarios[0].message = "\u{5e9}".repeat(5_000);
    long.expectations[0].entry.reason = "https://example/".to_string() + &"a".repeat(3_000);
    fits(&look(&long));
}
