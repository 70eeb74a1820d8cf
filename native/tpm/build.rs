fn main() {
    napi_build::setup();
    // A thread that is stuck in the TPM's driver outlives the JavaScript environment it was started for: its code must
    // stay mapped when the last environment that loaded the addon unloads it.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
