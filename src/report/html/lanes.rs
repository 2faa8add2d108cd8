//! A failed sequence as a picture: a lane for each that takes part, time downwards.
//!
//! Positions are percentages and the words are HTML, so that a narrow screen wraps the words and
//! needs no scrolling.

use maud::{Markup, html};

use super::parts::Text;
use crate::sequences::drawing::{Picture, PictureEvent};

/// The most lanes and events to draw.
const MOST_LANES: usize = 12;
const MOST_EVENTS: usize = 200;

pub(crate) fn lanes(picture: &Picture) -> Markup {
    let count = picture.lanes.len();
    let is_known = |event: &&PictureEvent| event.from < count && event.to < count;
    if count == 0 || count > MOST_LANES {
        return html! {};
    }
    let more = picture.events.len().saturating_sub(MOST_EVENTS);
    html! {
        figure.lanes {
            div.names {
                @for name in &picture.lanes { span { (Text(name)) } }
            }
            div.time {
                svg.rails aria-hidden="true" {
                    @for lane in 0..count {
                        line x1=(at(lane, count)) x2=(at(lane, count)) y1="0" y2="100%" {}
                    }
                }
                ol {
                    @for event in picture.events.iter().filter(is_known).take(MOST_EVENTS) {
                        li.wrong[event.is_wrong] {
                            p { b { (event.step) } " " (Text(&event.text)) }
                            (arrow(event, &picture.lanes))
                        }
                    }
                }
            }
            @if more > 0 { p { (more) " more events are in the JSON report." } }
        }
    }
}

fn arrow(event: &PictureEvent, lanes: &[String]) -> Markup {
    let name = |lane: usize| lanes.get(lane).map(String::as_str).unwrap_or_default();
    let (from, to) = (at(event.from, lanes.len()), at(event.to, lanes.len()));
    let label = match event.from == event.to {
        true => format!("at {}", name(event.from)),
        false => format!("from {} to {}", name(event.from), name(event.to)),
    };
    html! {
        svg.arrow role="img" aria-label=(Text(&label)) {
            @if event.from == event.to {
                circle cx=(from) cy="50%" r="4" {}
            } @else {
                line x1=(from) x2=(to) y1="50%" y2="50%" {}
                // The head is not scaled with the width.
                svg x=(to) y="50%" overflow="visible" {
                    path d=(if event.from < event.to { "M0 0 L-8 -5 L-8 5 Z" } else { "M0 0 L8 -5 L8 5 Z" }) {}
                }
            }
        }
    }
}

/// The middle of a lane.
fn at(lane: usize, count: usize) -> String {
    format!("{:.2}%", (lane as f64 + 0.5) * 100.0 / count as f64)
}
