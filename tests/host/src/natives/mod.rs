//! What the prelude cannot do in Lua. Each is an entry of the table that every chunk of the prelude gets.

mod console;
mod files;
mod host;
mod modules;
mod prompt;
mod servers;
mod soak;

use std::ffi::CStr;

use crate::value::Native;

/// All natives, by the name that Lua knows them by.
pub(crate) const NATIVES: &[(&CStr, Native)] = &[
    (c"print", console::print),
    (c"warn", console::warn),
    (c"report", console::report),
    (c"abort", console::abort),
    (c"console", console::lines),
    (c"errors", console::errors),
    (c"expect_errors", console::expect_errors),
    (c"typed", prompt::typed),
    (c"typed_goes_on", prompt::typed_goes_on),
    (c"open_module", modules::open),
    (c"library_is_mapped", modules::is_mapped),
    (c"module_exists", modules::exists),
    (c"plain", files::plain),
    (c"find_lua", files::find_lua),
    (c"read", files::read),
    (c"write", files::write),
    (c"append", files::append),
    (c"delete", files::delete),
    (c"rename", files::rename),
    (c"make_folder", files::make_folder),
    (c"kind", files::kind),
    (c"list", files::list),
    (c"game_time", host::game_time),
    (c"system_time", host::system_time),
    (c"monotonic", host::monotonic),
    (c"thread_time", host::thread_time),
    (c"tick_interval", host::tick_interval),
    (c"hibernating", host::hibernating),
    (c"hibernate", host::hibernate),
    (c"spin", host::spin),
    (c"ticks", host::ticks),
    (c"tick_times", host::tick_times),
    (c"exit", host::exit),
    (c"next_map", host::next_map),
    (c"map_number", host::map_number),
    (c"close_times", host::close_times),
    (c"keep", host::keep),
    (c"kept", host::kept),
    (c"arguments", host::arguments),
    (c"protocol", host::protocol),
    (c"redis_url", servers::redis_url),
    (c"server", servers::server),
    (c"fake", servers::fake),
    (c"real", servers::real),
    (c"new_fake", servers::new_fake),
    (c"drive_fake", servers::drive_fake),
    (c"new_real", servers::new_real),
    (c"drive_real", servers::drive_real),
    (c"new_talker", servers::new_talker),
    (c"drive_talker", servers::drive_talker),
    (c"new_proxy", servers::new_proxy),
    (c"drive_proxy", servers::drive_proxy),
    (c"set_environment", host::set_environment),
    (c"fail_allocations", host::fail_allocations),
    (c"resident_bytes", host::resident_bytes),
    (c"peak_resident_bytes", host::peak_resident_bytes),
    (c"allocated_bytes", host::allocated_bytes),
    (c"threads", host::threads),
    (c"descriptors", host::descriptors),
    (c"test_result", host::test_result),
    (c"start_publisher", soak::start_publisher),
    (c"publisher_figures", soak::publisher_figures),
    (c"stop_publisher", soak::stop_publisher),
    (c"block", soak::block),
    (c"processor_seconds", soak::processor_seconds),
    (c"sleeps", soak::sleeps),
    (c"writes", soak::writes),
];
