//! What the deployer has set: variables and secrets of the Worker, by their names.

use crisp_upscale_core::gateway::address::Allowed;
use crisp_upscale_core::gateway::job::Rules;
use crisp_upscale_core::gateway::origin::Origins;
use crisp_upscale_core::gateway::secret::Secret;
use crisp_upscale_core::limiter::Rate;
use crisp_upscale_core::wire::MODEL;
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
    /// Signs tokens, and links to results.
    pub(crate) secret: Secret,
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
    /// What a job has to know.
    pub(crate) rules: Rules,
}

// Not derived: it would print the key.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Settings")
    }
}

/// The settings, or the names of those that are missing or wrong.
pub(crate) fn read(env: &Env) -> Result<Settings, Vec<Trouble>> {
    let mut troubles = Vec::new();
    let key = text(env, "KIE_API_KEY");
    if key.is_none() {
        troubles.push(Trouble::missing("KIE_API_KEY"));
    }
    let secret = match text(env, "TOKEN_SECRET").map(|secret| Secret::new(&secret)) {
        Some(Ok(secret)) => Some(secret),
        Some(Err(failure)) => {
            troubles.push(Trouble { name: "TOKEN_SECRET", message: failure.message });
            None
        }
        None => {
            troubles.push(Trouble::missing("TOKEN_SECRET"));
            None
        }
    };
    let addresses = Allowed::new(&text(env, "IMAGE_ORIGINS").unwrap_or_default())
        .map_err(|failure| troubles.push(Trouble { name: "IMAGE_ORIGINS", message: failure.message }));
    let origins = Origins::new(&text(env, "ORIGINS").unwrap_or_default())
        .map_err(|failure| troubles.push(Trouble { name: "ORIGINS", message: failure.message }));
    if text(env, "CREATE_LIMIT").is_some_and(|limit| parse_rate(&limit).is_none()) {
        let message = "It must be tasks/seconds, like 20/10, or 0 for no limit.".to_owned();
        troubles.push(Trouble { name: "CREATE_LIMIT", message });
    }
    let mut number = |name, default: f64| {
        let set = text(env, name).map(|text| text.parse().ok().filter(|number: &f64| *number >= 0.0));
        if set == Some(None) {
            let message = "It must be a number, 0 or more.".to_owned();
            troubles.push(Trouble { name, message });
        }
        set.flatten().unwrap_or(default)
    };
    let unlimited = text(env, "TASKS_PER_HOUR").as_deref() == Some("none");
    let tasks_per_hour = (!unlimited).then(|| number("TASKS_PER_HOUR", 100.0) as u32);
    let page_tasks_per_hour = number("PAGE_TASKS_PER_HOUR", 10.0) as u32;
    let outcome = (number("OUTCOME_MINUTES", 15.0) * MINUTE) as u64;
    let keep = (number("KEEP_HOURS", 24.0) * HOUR) as u64;
    let (Some(key), Some(secret), Ok(addresses), Ok(origins), true) =
        (key, secret, addresses, origins, troubles.is_empty())
    else {
        return Err(troubles);
    };
    let rules = Rules {
        callbacks: text(env, "PUBLIC_URL").as_deref() != Some("none"),
        copies: is_bound(env, "RESULTS"),
        outcome,
        keep,
    };
    let mut models = words(env, "MODELS");
    models.push(MODEL.to_owned());
    Ok(Settings {
        key,
        base_url: url(env, "BASE_URL", BASE_URL),
        upload_base_url: url(env, "UPLOAD_BASE_URL", UPLOAD_BASE_URL),
        secret,
        origins,
        addresses,
        models,
        tasks_per_hour,
        page_tasks_per_hour,
        webhook_key: text(env, "WEBHOOK_HMAC_KEY"),
        rules,
    })
}

/// A setting that keeps the gateway closed.
pub(crate) struct Trouble {
    /// Its name.
    pub(crate) name: &'static str,
    /// What is wrong with it.
    pub(crate) message: String,
}

impl Trouble {
    fn missing(name: &'static str) -> Self {
        Trouble { name, message: "It is not set.".to_owned() }
    }
}

/// How fast tasks may be made, by all callers together.
pub(crate) fn rate(env: &Env) -> Rate {
    text(env, "CREATE_LIMIT").as_deref().and_then(parse_rate).unwrap_or(Rate::DOCUMENTED)
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
