//! What the deployer has set: variables and secrets of the Worker, by their names.

use std::cell::RefCell;
use std::rc::Rc;

use crisp_upscale_core::api::MODEL;
use crisp_upscale_core::rate_limit::Rate;
use crisp_upscale_gateway_core as core;
use crisp_upscale_gateway_core::address::Allowed;
use crisp_upscale_gateway_core::origin::Origins;
use crisp_upscale_gateway_core::secret::Secret;
use js_sys::Reflect;
use wasm_bindgen::JsValue;
use worker::Env;

const BASE_URL: &str = "https://api.kie.ai";
const UPLOAD_BASE_URL: &str = "https://kieai.redpandaai.co";
/// In milliseconds.
const MINUTE: f64 = 60_000.0;
const HOUR: f64 = 60.0 * MINUTE;

/// The settings of a gateway that can serve.
pub(crate) struct Settings {
    /// The service's key.
    pub(crate) key: String,
    /// The service, with no slash at the end.
    pub(crate) base_url: String,
    /// The service's upload host, likewise.
    pub(crate) upload_base_url: String,
    /// Which pages may call.
    pub(crate) origins: Origins,
    /// Which images, files and callbacks may be named.
    pub(crate) addresses: Allowed,
    /// The models that may be asked for.
    pub(crate) models: Vec<String>,
    /// A caller's budget, where its token says nothing else.
    pub(crate) tasks_per_hour: Option<u32>,
    /// The same of all who have the page's passphrase.
    pub(crate) page_tasks_per_hour: u32,
    /// The key of the service's callbacks.
    pub(crate) webhook_key: Option<String>,
    /// What the account has to know. Its secret signs tokens, too.
    pub(crate) account: core::Settings,
}

// Not derived: it would print the key.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Settings")
    }
}

thread_local! {
    /// The settings that were read last. An environment does not change.
    static LAST: RefCell<Option<(JsValue, Result)>> = const { RefCell::new(None) };
}

/// The settings, or those that are missing or wrong.
pub(crate) type Result = std::result::Result<Rc<Settings>, Rc<[Invalid]>>;

/// The settings of an environment.
pub(crate) fn read(env: &Env) -> Result {
    let raw: &JsValue = env.as_ref();
    LAST.with_borrow_mut(|last| match last {
        Some((known, settings)) if known == raw => settings.clone(),
        _ => last.insert((raw.clone(), parse(env).map(Rc::new).map_err(Into::into))).1.clone(),
    })
}

fn parse(env: &Env) -> std::result::Result<Settings, Vec<Invalid>> {
    let mut invalid = Vec::new();
    let key = text(env, "KIE_API_KEY");
    if key.is_none() {
        invalid.push(Invalid::missing("KIE_API_KEY"));
    }
    let secret = match text(env, "TOKEN_SECRET").map(|secret| Secret::new(&secret)) {
        Some(Ok(secret)) => Some(secret),
        Some(Err(failure)) => {
            invalid.push(Invalid { name: "TOKEN_SECRET", message: failure.message });
            None
        }
        None => {
            invalid.push(Invalid::missing("TOKEN_SECRET"));
            None
        }
    };
    let addresses = Allowed::new(&text(env, "IMAGE_ORIGINS").unwrap_or_default())
        .map_err(|failure| invalid.push(Invalid { name: "IMAGE_ORIGINS", message: failure.message }));
    let origins = Origins::new(&text(env, "ORIGINS").unwrap_or_default())
        .map_err(|failure| invalid.push(Invalid { name: "ORIGINS", message: failure.message }));
    let rate = text(env, "CREATE_LIMIT").map(|limit| parse_rate(&limit));
    if rate == Some(None) {
        let message = "It must be tasks/seconds, like 20/10, or 0 for no limit.".to_owned();
        invalid.push(Invalid { name: "CREATE_LIMIT", message });
    }
    let mut number = |name, default: f64| {
        let set = text(env, name).map(|text| text.parse().ok().filter(|number: &f64| *number >= 0.0));
        if set == Some(None) {
            let message = "It must be a number, 0 or more.".to_owned();
            invalid.push(Invalid { name, message });
        }
        set.flatten().unwrap_or(default)
    };
    let unlimited = text(env, "TASKS_PER_HOUR").as_deref() == Some("none");
    let tasks_per_hour = (!unlimited).then(|| number("TASKS_PER_HOUR", 100.0) as u32);
    let page_tasks_per_hour = number("PAGE_TASKS_PER_HOUR", 10.0) as u32;
    let outcome_timeout = (number("OUTCOME_MINUTES", 15.0) * MINUTE) as u64;
    let keep = (number("KEEP_HOURS", 24.0) * HOUR) as u64;
    let (Some(key), Some(secret), Ok(addresses), Ok(origins), true) =
        (key, secret, addresses, origins, invalid.is_empty())
    else {
        return Err(invalid);
    };
    let public_url = text(env, "PUBLIC_URL");
    let account = core::Settings {
        rate: rate.flatten().unwrap_or(Rate::DOCUMENTED),
        callbacks: public_url.as_deref() != Some("none"),
        public_url: public_url.map(|url| url.trim_end_matches('/').to_owned()).filter(|url| url != "none"),
        copies: is_bound(env, "RESULTS"),
        outcome_timeout,
        keep,
        secret,
    };
    let mut models = words(env, "MODELS");
    models.push(MODEL.to_owned());
    Ok(Settings {
        key,
        base_url: url(env, "BASE_URL", BASE_URL),
        upload_base_url: url(env, "UPLOAD_BASE_URL", UPLOAD_BASE_URL),
        origins,
        addresses,
        models,
        tasks_per_hour,
        page_tasks_per_hour,
        webhook_key: text(env, "WEBHOOK_HMAC_KEY"),
        account,
    })
}

/// A setting that keeps the gateway closed.
#[derive(Debug)]
pub(crate) struct Invalid {
    /// Its name.
    pub(crate) name: &'static str,
    /// What is wrong with it.
    pub(crate) message: String,
}

impl Invalid {
    fn missing(name: &'static str) -> Self {
        Invalid { name, message: "It is not set.".to_owned() }
    }
}

fn parse_rate(limit: &str) -> Option<Rate> {
    if limit == "0" {
        return Some(Rate::UNLIMITED);
    }
    let (tasks, seconds) = limit.split_once('/')?;
    let seconds: f64 = seconds.parse().ok().filter(|seconds| *seconds > 0.0)?;
    let tasks = tasks.parse().ok().filter(|tasks| *tasks > 0)?;
    Some(Rate { tasks, window: (seconds * 1000.0) as u64 })
}

/// A variable or a secret; `None` where it is not set, or is empty.
pub(crate) fn text(env: &Env, name: &str) -> Option<String> {
    let value = Reflect::get(env, &JsValue::from_str(name)).ok()?;
    // A number in the configuration is a number here.
    let text = value.as_string().or_else(|| Some(value.as_f64()?.to_string()))?;
    Some(text).filter(|text| !text.is_empty())
}

/// The words of a list with spaces between them.
pub(crate) fn words(env: &Env, name: &str) -> Vec<String> {
    text(env, name).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// Whether a binding is there.
pub(crate) fn is_bound(env: &Env, name: &str) -> bool {
    Reflect::get(env, &JsValue::from_str(name)).is_ok_and(|value| !value.is_undefined())
}

fn url(env: &Env, name: &str, default: &str) -> String {
    text(env, name).as_deref().unwrap_or(default).trim_end_matches('/').to_owned()
}
