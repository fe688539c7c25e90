//! One notch of the wheel is one step, at once: egui would spread it over a dozen frames.

use egui::{Context, Event, MouseWheelUnit, RawInput, TouchPhase};

/// Says before each notch that fingers are on the wheel; what moves under fingers is not smoothed.
struct ImmediateWheel;

impl egui::Plugin for ImmediateWheel {
    fn debug_name(&self) -> &'static str {
        "immediate wheel"
    }

    fn input_hook(&mut self, _ctx: &Context, input: &mut RawInput) {
        let notch = |event: &Event| {
            matches!(
                event,
                Event::MouseWheel {
                    unit: MouseWheelUnit::Line | MouseWheelUnit::Page,
                    phase: TouchPhase::Move,
                    ..
                }
            )
        };
        if !input.events.iter().any(notch) {
            return;
        }
        input.events = std::mem::take(&mut input.events)
            .into_iter()
            .flat_map(|event| {
                let mut touch = notch(&event).then(|| event.clone());
                if let Some(Event::MouseWheel { phase, delta, .. }) = &mut touch {
                    *phase = TouchPhase::Start;
                    *delta = egui::Vec2::ZERO;
                }
                touch.into_iter().chain([event])
            })
            .collect();
    }
}

pub(super) fn install(ctx: &Context) {
    ctx.add_plugin(ImmediateWheel);
}
