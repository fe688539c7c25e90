//! Turns the tokens into egui's style, once for each theme.

use egui::{
    Color32, Context, CornerRadius, Margin, Shadow, Stroke, Style, Theme, Vec2,
    style::{ScrollAnimation, ScrollFadeStyle, ScrollStyle, Selection, WidgetVisuals},
};

use super::{Metrics, Tokens, Type, metrics, tokens_of};

/// Sets the style of both themes and the options that a file manager needs.
pub(super) fn apply(ctx: &Context) {
    for theme in [Theme::Dark, Theme::Light] {
        let mut style = Style {
            visuals: theme.default_visuals(),
            ..Style::default()
        };
        spacing(&mut style, metrics());
        visuals(&mut style, tokens_of(theme), metrics());
        ctx.set_style_of(theme, style);
    }
    ctx.options_mut(|options| {
        options.zoom_with_keyboard = false;
        options.quit_shortcuts.clear();
        // Rows select on press; how long a button was held means nothing.
        options.input_options.max_click_duration = f64::INFINITY;
        options.input_options.max_double_click_delay = 0.4;
        // A press decides what has the keyboard; the release must not take it away again.
        options.input_options.surrender_focus_on = egui::SurrenderFocusOn::Presses;
    });
}

/// Lets things move by themselves, or not.
pub fn set_motion(ctx: &Context, moves: bool) {
    let seconds = if moves { metrics().animation_secs } else { 0.0 };
    ctx.all_styles_mut(|style| style.animation_time = seconds);
}

fn spacing(style: &mut Style, m: &Metrics) {
    style.text_styles = Type::ALL
        .iter()
        .map(|t| (t.style(), t.font()))
        .chain([(egui::TextStyle::Button, Type::Body.font())])
        .collect();
    style.animation_time = m.animation_secs;
    style.scroll_animation = ScrollAnimation::none();
    style.interaction.selectable_labels = false;
    style.interaction.multi_widget_text_select = false;
    style.interaction.tooltip_delay = 0.5;

    let spacing = &mut style.spacing;
    spacing.item_spacing = Vec2::new(m.gap, m.space);
    spacing.window_margin = Margin::same(m.pad as i8);
    spacing.menu_margin = Margin::same(m.space as i8);
    spacing.button_padding = Vec2::new(m.gap, m.space);
    spacing.interact_size = Vec2::new(m.control, m.control);
    spacing.icon_width = m.icon;
    spacing.indent = m.icon;
    spacing.scroll = ScrollStyle {
        bar_width: m.scroll_bar - m.line * 2.0,
        bar_inner_margin: m.line,
        bar_outer_margin: m.line,
        handle_min_length: m.scroll_handle_min,
        dormant_handle_opacity: 1.0,
        active_handle_opacity: 1.0,
        interact_handle_opacity: 1.0,
        active_background_opacity: 0.0,
        interact_background_opacity: 0.0,
        fade: ScrollFadeStyle {
            strength: 0.0,
            ..ScrollFadeStyle::default()
        },
        ..ScrollStyle::solid()
    };
}

fn visuals(style: &mut Style, t: &Tokens, m: &Metrics) {
    let v = &mut style.visuals;
    let radius = CornerRadius::same(m.radius);
    v.weak_text_color = Some(t.muted);
    v.hyperlink_color = t.accent;
    v.warn_fg_color = t.warn;
    v.error_fg_color = t.danger;
    v.faint_bg_color = t.hover();
    v.extreme_bg_color = t.sunken;
    v.text_edit_bg_color = Some(t.sunken);
    v.code_bg_color = t.sunken;
    v.panel_fill = t.base;
    v.window_fill = t.raised;
    v.window_stroke = t.line_stroke();
    v.window_corner_radius = CornerRadius::same(m.radius_dialog);
    v.menu_corner_radius = CornerRadius::same(m.radius_popover);
    v.popup_shadow = shadow(t, m);
    v.window_shadow = shadow(t, m);
    v.indent_has_left_vline = false;
    v.striped = false;
    v.text_cursor.stroke = Stroke::new(m.ring, t.accent);
    v.selection = Selection {
        bg_fill: t.selection(true),
        stroke: Stroke::new(m.line, t.accent),
    };

    let widget = |fill: Color32, bg_fill: Color32, border: Stroke, text: Color32| WidgetVisuals {
        bg_fill,
        weak_bg_fill: fill,
        bg_stroke: border,
        corner_radius: radius,
        fg_stroke: Stroke::new(m.line, text),
        expansion: 0.0,
    };
    let none = Stroke::NONE;
    v.widgets.noninteractive = widget(Color32::TRANSPARENT, t.base, t.line_stroke(), t.text);
    v.widgets.inactive = widget(t.hover(), t.line, none, t.text);
    v.widgets.hovered = widget(t.pressed(), t.input_border, none, t.text);
    v.widgets.active = widget(t.pressed(), t.muted, none, t.text);
    v.widgets.open = widget(t.pressed(), t.line, none, t.text);
}

fn shadow(t: &Tokens, m: &Metrics) -> Shadow {
    Shadow {
        offset: [0, m.space as i8],
        blur: m.icon as u8,
        spread: 0,
        color: t.shadow,
    }
}
