//! Opening the window on this computer's display, or saying in one sentence why that can't be.

use anyhow::{anyhow, bail};
use eframe::{NativeOptions, Renderer};
use egui::ViewportBuilder;

use crate::state::layout::WindowPlace;
use crate::{App, Start};

/// Opens the window and returns when it is closed. Errors: a sentence that names what is missing.
pub fn open_window(start: Start) -> anyhow::Result<()> {
    check_display()?;
    let place = start.saved.session.window.sane();
    let options = NativeOptions {
        viewport: viewport(&place),
        renderer: renderer()?,
        clipboard_shortcuts: false,
        centered: place.position.is_none(),
        // There are no gradients to smooth, and without a GPU it takes a quarter of the time of painting.
        dithering: false,
        ..NativeOptions::default()
    };
    let run = eframe::run_native(
        "lamina",
        options,
        Box::new(|cc| {
            let app = App::new(&cc.egui_ctx, start);
            crate::signals::close_window(&cc.egui_ctx, app.commands());
            Ok(Box::new(app))
        }),
    );
    run.map_err(explain)
}

/// Why there is no window, and what would help.
fn explain(error: eframe::Error) -> anyhow::Error {
    match error {
        eframe::Error::WinitEventLoop(error) => {
            let variable = if is_wayland() {
                "WAYLAND_DISPLAY"
            } else {
                "DISPLAY"
            };
            let display = std::env::var_os(variable).unwrap_or_default();
            // What went wrong takes several lines of the window system's own; the first says it.
            let why = error.to_string();
            let why = why.lines().next().unwrap_or_default();
            anyhow!("the display {} can't be reached: {why}", display.display())
        }
        eframe::Error::Glutin(_)
        | eframe::Error::NoGlutinConfigs(..)
        | eframe::Error::OpenGL(_) => anyhow!(
            "can't open a window, for OpenGL does not start: {error}; on Debian and Ubuntu the packages libegl1, libgl1 and libgl1-mesa-dri bring it"
        ),
        error => anyhow!("can't open a window: {error}"),
    }
}

/// The window as it was left.
fn viewport(place: &WindowPlace) -> ViewportBuilder {
    let builder = ViewportBuilder::default()
        .with_title("Lamina")
        .with_app_id("lamina")
        .with_inner_size(place.size)
        .with_min_inner_size(WindowPlace::LEAST)
        .with_maximized(place.maximized)
        .with_drag_and_drop(true);
    match place.position {
        Some(position) => builder.with_position(position),
        None => builder,
    }
}

/// `LAMINA_RENDERER=wgpu` chooses the other renderer, if it was built in.
fn renderer() -> anyhow::Result<Renderer> {
    match std::env::var("LAMINA_RENDERER").as_deref() {
        #[cfg(feature = "wgpu")]
        Ok("wgpu") => Ok(Renderer::Wgpu),
        Ok("glow") | Err(_) => Ok(Renderer::Glow),
        Ok(other) => bail!("this build has no renderer called {other}"),
    }
}

/// Will the window be one of Wayland? It is preferred when both are there.
pub fn is_wayland() -> bool {
    is_set("WAYLAND_DISPLAY") || is_set("WAYLAND_SOCKET")
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// The window system's libraries are loaded at run time, and some of their loaders panic: they are tried before.
fn check_display() -> anyhow::Result<()> {
    let (wayland, x11) = (is_wayland(), is_set("DISPLAY"));
    if !wayland && !x11 {
        bail!(
            "there is no display: neither DISPLAY nor WAYLAND_DISPLAY is set (commands like `lamina ls` work without)"
        );
    }
    let mut libraries = vec![
        ("libxkbcommon.so.0", "libxkbcommon0"),
        ("libEGL.so.1", "libegl1"),
    ];
    if x11 && !wayland {
        libraries.extend([
            ("libX11.so.6", "libx11-6"),
            ("libX11-xcb.so.1", "libx11-xcb1"),
            ("libXcursor.so.1", "libxcursor1"),
            ("libXi.so.6", "libxi6"),
            ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0"),
        ]);
    } else {
        libraries.push(("libwayland-client.so.0", "libwayland-client0"));
    }
    for (library, package) in libraries {
        if !loads(library) {
            bail!(
                "the library {library} is missing; on Debian and Ubuntu the package {package} brings it"
            );
        }
    }
    Ok(())
}

/// Can the dynamic linker load it? It stays loaded; whoever asks is about to need it.
pub(crate) fn loads(library: &str) -> bool {
    let Ok(name) = std::ffi::CString::new(library) else {
        return false;
    };
    // SAFETY: the libraries named above are made to be loaded this way, as the window system's loaders do themselves.
    #[expect(
        unsafe_code,
        reason = "dlopen is the only way to ask the dynamic linker"
    )]
    let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_GLOBAL) };
    !handle.is_null()
}
