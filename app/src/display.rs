//! Opening the window on this computer's display, or saying in one sentence why that can't be.

use anyhow::{Context as _, anyhow, bail};
use eframe::{NativeOptions, Renderer};
use egui::ViewportBuilder;

use crate::{App, Start};

/// Opens the window and returns when it is closed. Errors: a sentence that names what is missing.
pub fn open_window(start: Start) -> anyhow::Result<()> {
    check_display()?;
    let options = NativeOptions {
        viewport: ViewportBuilder::default()
            .with_title("Lamina")
            .with_app_id("lamina")
            .with_inner_size([1280.0, 800.0])
            .with_min_inner_size([640.0, 400.0])
            .with_drag_and_drop(true),
        renderer: renderer()?,
        clipboard_shortcuts: false,
        centered: true,
        ..NativeOptions::default()
    };
    let run = eframe::run_native(
        "lamina",
        options,
        Box::new(|cc| Ok(Box::new(App::new(&cc.egui_ctx, start)))),
    );
    run.map_err(|error| anyhow!("{error}")).context(
        "can't open a window; on Debian and Ubuntu the packages libgl1 and libegl1 bring OpenGL",
    )
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

/// The window system's libraries are loaded at run time, and some of their loaders panic: they are tried before.
fn check_display() -> anyhow::Result<()> {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let wayland = is_set("WAYLAND_DISPLAY") || is_set("WAYLAND_SOCKET");
    let x11 = is_set("DISPLAY");
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

/// Can the dynamic linker load it? It stays loaded; the window needs it anyway.
fn loads(library: &str) -> bool {
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
