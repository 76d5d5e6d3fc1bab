/* @ts-self-types="./crisp_upscale.d.ts" */
import { encode, form, get, Call, numberAt, parse, quote, random, textAt, number, isObject, wake } from "./snippets/crisp-upscale-9d505e2e0004c3d2/src/host.js";


/**
 * The HTTP status for a kind of outcome, or for the word for a refusal.
 * @param {string} word
 * @returns {number}
 */
export function callbackStatus(word) {
    const ptr0 = passStringToWasm0(word);
    const len0 = WASM_VECTOR_LEN;
    const ret = wasm.xa(ptr0, len0);
    return ret;
}

/**
 * Checks that a call for `image` may go on with what an earlier one with its `idempotencyKey` began, for
 * the image `earlier`; see [`repeat::goes_on`]. Gives the package's `Error` of why it may not.
 * @param {any} settings
 * @param {string} image
 * @param {string} earlier
 * @param {boolean} has_task
 * @returns {any}
 */
export function checkRepeat(settings, image, earlier, has_task) {
    const val3 = +has_task;
    let ptr0, len0, ptr1, len1;
    try {
        ptr0 = passStringToWasm0(image);
        len0 = WASM_VECTOR_LEN;
        ptr1 = passStringToWasm0(earlier);
        len1 = WASM_VECTOR_LEN;
    } catch (e) {
        if (ptr1) { wasm.Oa(ptr1, len1 * 1, 1); }
        if (ptr0) { wasm.Oa(ptr0, len0 * 1, 1); }
        throw e;
    }
    const ret = wasm.ya(settings, ptr0, len0, ptr1, len1, val3);
    return ret;
}

/**
 * `createTask`: makes a task for the image, once. Resolves to the task's id.
 *
 * # Errors
 * A failure before anything was sent, a refusal, or `outcome-unknown`.
 * @param {any} settings
 * @param {any} run
 * @param {string} model
 * @param {string} image
 * @param {string | null} [call_back_url]
 * @returns {Promise<any>}
 */
export function createTask(settings, run, model, image, call_back_url) {
    let ptr0, len0, ptr1, len1, ptr2, len2;
    try {
        ptr0 = passStringToWasm0(model);
        len0 = WASM_VECTOR_LEN;
        ptr1 = passStringToWasm0(image);
        len1 = WASM_VECTOR_LEN;
        ptr2 = isLikeNone(call_back_url) ? 0 : passStringToWasm0(call_back_url);
        len2 = WASM_VECTOR_LEN;
    } catch (e) {
        if (ptr2) { wasm.Oa(ptr2, len2 * 1, 1); }
        if (ptr1) { wasm.Oa(ptr1, len1 * 1, 1); }
        if (ptr0) { wasm.Oa(ptr0, len0 * 1, 1); }
        throw e;
    }
    const ret = wasm.za(settings, run, ptr0, len0, ptr1, len1, ptr2, len2);
    return ret;
}

/**
 * `credit`, once: resolves to the account's balance in credits.
 *
 * # Errors
 * Why it is not known.
 * @param {any} settings
 * @param {any} run
 * @returns {Promise<any>}
 */
export function credits(settings, run) {
    const ret = wasm.Aa(settings, run);
    return ret;
}

/**
 * A result's file, as a `Blob`.
 *
 * # Errors
 * Why it could not be fetched; with the task's id.
 * @param {any} settings
 * @param {any} run
 * @param {string} task_id
 * @param {string} url
 * @returns {Promise<any>}
 */
export function download(settings, run, task_id, url) {
    let ptr0, len0, ptr1, len1;
    try {
        ptr0 = passStringToWasm0(task_id);
        len0 = WASM_VECTOR_LEN;
        ptr1 = passStringToWasm0(url);
        len1 = WASM_VECTOR_LEN;
    } catch (e) {
        if (ptr1) { wasm.Oa(ptr1, len1 * 1, 1); }
        if (ptr0) { wasm.Oa(ptr0, len0 * 1, 1); }
        throw e;
    }
    const ret = wasm.Ba(settings, run, ptr0, len0, ptr1, len1);
    return ret;
}

/**
 * Waits for the end of a task that was made at `created_at` (Unix milliseconds); resolves to
 * `[taskId, url, type, width, height, credits, createTime, completeTime, expiresAt]`.
 *
 * # Errors
 * How the task failed, or why nobody could wait for it any longer; with the task's id.
 * @param {any} settings
 * @param {any} run
 * @param {string} task_id
 * @param {number} created_at
 * @returns {Promise<any>}
 */
export function follow(settings, run, task_id, created_at) {
    const val2 = +created_at;
    const ptr0 = passStringToWasm0(task_id);
    const len0 = WASM_VECTOR_LEN;
    const ret = wasm.Ca(settings, run, ptr0, len0, val2);
    return ret;
}

/**
 * `recordInfo`, once: resolves to the task's record, `[taskId, model, state, image, resultUrls, failCode, failMsg,
 * createTime, completeTime, creditsConsumed]`.
 *
 * # Errors
 * Why there is no record.
 * @param {any} settings
 * @param {any} run
 * @param {string} task_id
 * @returns {Promise<any>}
 */
export function getTask(settings, run, task_id) {
    const ptr0 = passStringToWasm0(task_id);
    const len0 = WASM_VECTOR_LEN;
    const ret = wasm.Da(settings, run, ptr0, len0);
    return ret;
}

/**
 * Whether an `idempotencyKey` that was first used at `created_at` (Unix milliseconds) is forgotten.
 * @param {number} created_at
 * @returns {boolean}
 */
export function isKeyOver(created_at) {
    const ret = wasm.Ea(created_at);
    return ret !== 0;
}

/**
 * Opens one stream for all of a line and tells it what comes, until the stream ends or breaks, or the
 * signal of `run` says that nobody listens any more. After `failures` streams in a row that came to
 * nothing it waits first; resolves to how many there are now.
 * @param {any} settings
 * @param {any} run
 * @param {any} line
 * @param {number} failures
 * @returns {Promise<any>}
 */
export function listen(settings, run, line, failures) {
    const ret = wasm.Fa(settings, run, line, failures);
    return ret;
}

/**
 * Opens a callback: gives `[claims, signature, otherwise]` of [`webhook::Opened`], where a claim is
 * `[taskId, message]`; or the word for why it is refused; or `undefined` where the tolerance, in
 * seconds, is none. The body is left out where it is longer than is read.
 * @param {string} method
 * @param {string | null | undefined} timestamp
 * @param {string | null | undefined} signature
 * @param {string | null | undefined} body
 * @param {boolean} signed
 * @param {number | null} [tolerance]
 * @returns {any}
 */
export function openCallback(method, timestamp, signature, body, signed, tolerance) {
    const val5 = +signed;
    const val6 = +(isLikeNone(tolerance) ? 0 : tolerance);
    let ptr0, len0, ptr1, len1, ptr2, len2, ptr3, len3;
    try {
        ptr0 = passStringToWasm0(method);
        len0 = WASM_VECTOR_LEN;
        ptr1 = isLikeNone(timestamp) ? 0 : passStringToWasm0(timestamp);
        len1 = WASM_VECTOR_LEN;
        ptr2 = isLikeNone(signature) ? 0 : passStringToWasm0(signature);
        len2 = WASM_VECTOR_LEN;
        ptr3 = isLikeNone(body) ? 0 : passStringToWasm0(body);
        len3 = WASM_VECTOR_LEN;
    } catch (e) {
        if (ptr3) { wasm.Oa(ptr3, len3 * 1, 1); }
        if (ptr2) { wasm.Oa(ptr2, len2 * 1, 1); }
        if (ptr1) { wasm.Oa(ptr1, len1 * 1, 1); }
        if (ptr0) { wasm.Oa(ptr0, len0 * 1, 1); }
        throw e;
    }
    const ret = wasm.Ga(ptr0, len0, ptr1, len1, ptr2, len2, ptr3, len3, val5, !isLikeNone(tolerance), val6);
    return ret;
}

/**
 * A look at an image before anything is sent to the API. Where it cannot be seen from here, nobody
 * can say anything against it.
 *
 * # Errors
 * `invalid-input`: its host refuses, or the file is not one that the service takes.
 * @param {any} settings
 * @param {any} run
 * @param {string} image
 * @returns {Promise<any>}
 */
export function preflight(settings, run, image) {
    const ptr0 = passStringToWasm0(image);
    const len0 = WASM_VECTOR_LEN;
    const ret = wasm.Ha(settings, run, ptr0, len0);
    return ret;
}

/**
 * Reads the record of a callback's task: resolves to `[kind, what]`, where `what` is the result, the
 * package's `Error`, or the word for why it is refused.
 *
 * # Errors
 * The package's `Error` where the client is set up wrongly.
 * @param {any} settings
 * @param {any} run
 * @param {string} task_id
 * @returns {Promise<any>}
 */
export function readCallback(settings, run, task_id) {
    const ptr0 = passStringToWasm0(task_id);
    const len0 = WASM_VECTOR_LEN;
    const ret = wasm.Ia(settings, run, ptr0, len0);
    return ret;
}

/**
 * Checks a file and uploads it; resolves to its URL. Tells the updates `warning`, `uploading` and `uploaded`.
 *
 * # Errors
 * What is wrong with the file, before anything is sent; or why it could not be uploaded. Nothing
 * is charged either way.
 * @param {any} settings
 * @param {any} run
 * @param {any} file
 * @returns {Promise<any>}
 */
export function upload(settings, run, file) {
    const ret = wasm.Ja(settings, run, file);
    return ret;
}
function __wbg_get_imports() {
    const import0 = {
        P: number,
        Q: isObject,
        j: wake,
        n: function(arg0, arg1) {
            const ret = Error(getStringFromWasm0(arg0, arg1));
            return ret;
        },
        da: function(arg0) {
            const ret = typeof(arg0) === 'function';
            return ret;
        },
        qa: function(arg0) {
            const ret = arg0 === undefined;
            return ret;
        },
        pa: function(arg0, arg1) {
            const obj = arg1;
            const ret = typeof(obj) === 'number' ? obj : undefined;
            getDataViewMemory0().setFloat64((arg0 >>> 0) + 8 * 1, isLikeNone(ret) ? 0 : ret, true);
            getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, !isLikeNone(ret), true);
        },
        na: function(arg0, arg1) {
            const obj = arg1;
            const ret = typeof(obj) === 'string' ? obj : undefined;
            var ptr1 = isLikeNone(ret) ? 0 : passStringToWasm0(ret);
            var len1 = WASM_VECTOR_LEN;
            getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 1, len1, true);
            getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, ptr1, true);
        },
        oa: function(arg0, arg1) {
            throw new Error(getStringFromWasm0(arg0, arg1));
        },
        k: function(arg0) {
            arg0._wbg_cb_unref();
        },
        b: function(arg0) {
            const ret = arg0.aborted();
            return ret;
        },
        m: function(arg0, arg1, arg2, arg3) {
            const ret = arg0.bearer(arg1 === 0 ? undefined : getStringFromWasm0(arg1, arg2), arg3);
            return ret;
        },
        f: function() { return handleError(function (arg0, arg1, arg2) {
            const ret = arg0.call(arg1, arg2);
            return ret;
        }, arguments); },
        W: function(arg0, arg1) {
            const ret = arg0.chunk(arg1);
            return ret;
        },
        g: function(arg0) {
            const ret = arg0.counts;
            return ret;
        },
        C: function(arg0) {
            const ret = arg0.cut();
            return ret;
        },
        U: function(arg0) {
            arg0.deafen();
        },
        T: function(arg0) {
            const ret = arg0.durations;
            return ret;
        },
        J: function(arg0, arg1, arg2) {
            const ret = encode(getStringFromWasm0(arg1, arg2));
            const ptr1 = passStringToWasm0(ret);
            const len1 = WASM_VECTOR_LEN;
            getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 1, len1, true);
            getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, ptr1, true);
        },
        q: function(arg0, arg1, arg2) {
            const ret = arg0.ended(arg1, arg2);
            return ret;
        },
        o: function(arg0, arg1, arg2, arg3) {
            const ret = arg0.exchange(arg1, arg2, arg3);
            return ret;
        },
        z: function(arg0, arg1, arg2) {
            const ret = arg0.fail(arg1, arg2);
            return ret;
        },
        _: function(arg0, arg1, arg2, arg3, arg4, arg5, arg6) {
            const ret = form(getStringFromWasm0(arg0, arg1), getStringFromWasm0(arg2, arg3), getStringFromWasm0(arg4, arg5), arg6);
            return isLikeNone(ret) ? 0 : addToExternrefTable0(ret);
        },
        N: function(arg0) {
            const ret = Array.from(arg0);
            return ret;
        },
        L: function(arg0, arg1, arg2) {
            const ret = get(arg0, getStringFromWasm0(arg1, arg2));
            return isLikeNone(ret) ? 0 : addToExternrefTable0(ret);
        },
        aa: function(arg0, arg1) {
            const ret = arg0[arg1 >>> 0];
            return ret;
        },
        Y: function(arg0, arg1, arg2, arg3) {
            const ret = arg0.head(arg1, arg2 >>> 0, arg3);
            return ret;
        },
        M: function(arg0) {
            const ret = Array.isArray(arg0);
            return ret;
        },
        l: function(arg0) {
            arg0.leave();
        },
        la: function(arg0) {
            const ret = arg0.length;
            return ret;
        },
        h: function(arg0) {
            const ret = arg0.length;
            return ret;
        },
        v: function(arg0) {
            const ret = new Uint8Array(arg0);
            return ret;
        },
        A: function() { return handleError(function () {
            const ret = new Headers();
            return ret;
        }, arguments); },
        c: function() {
            const ret = new Array();
            return ret;
        },
        t: function(arg0, arg1) {
            const ret = new Call(arg0, arg1);
            return ret;
        },
        B: function() {
            const ret = new Object();
            return ret;
        },
        K: function(arg0, arg1) {
            try {
                var state0 = {a: arg0, b: arg1};
                var cb0 = (arg0, arg1) => {
                    const a = state0.a;
                    state0.a = 0;
                    try {
                        return wasm_bindgen_94f3bcf34f0ae52a___convert__closures_____invoke___js_sys_1deb9b4f2cf9303c___Function_fn_wasm_bindgen_94f3bcf34f0ae52a___JsValue_____wasm_bindgen_94f3bcf34f0ae52a___sys__Undefined___js_sys_1deb9b4f2cf9303c___Function_fn_wasm_bindgen_94f3bcf34f0ae52a___JsValue_____wasm_bindgen_94f3bcf34f0ae52a___sys__Undefined_______true_(a, state0.b, arg0, arg1);
                    } finally {
                        state0.a = a;
                    }
                };
                const ret = new Promise(cb0);
                return ret;
            } finally {
                state0.a = 0;
            }
        },
        I: function() { return handleError(function (arg0, arg1, arg2) {
            const ret = new Request(getStringFromWasm0(arg0, arg1), arg2);
            return ret;
        }, arguments); },
        a: function() {
            const ret = Date.now();
            return ret;
        },
        w: function() {
            const ret = performance.now();
            return ret;
        },
        R: function(arg0, arg1, arg2) {
            const ret = numberAt(arg0, getStringFromWasm0(arg1, arg2));
            return ret;
        },
        e: function(arg0, arg1) {
            const ret = Array.of(arg0, arg1);
            return ret;
        },
        O: function(arg0, arg1) {
            const ret = parse(getStringFromWasm0(arg0, arg1));
            return isLikeNone(ret) ? 0 : addToExternrefTable0(ret);
        },
        ma: function(arg0, arg1, arg2) {
            Uint8Array.prototype.set.call(getArrayU8FromWasm0(arg0, arg1), arg2);
        },
        S: function(arg0, arg1, arg2) {
            arg0.pushes(getStringFromWasm0(arg1, arg2));
        },
        ca: function(arg0) {
            const ret = arg0.queueMicrotask;
            return ret;
        },
        ka: function(arg0) {
            queueMicrotask(arg0);
        },
        p: function(arg0, arg1, arg2) {
            const ret = arg0.queue(arg1, arg2);
            return ret;
        },
        $: function(arg0, arg1, arg2) {
            const ret = quote(getStringFromWasm0(arg1, arg2));
            const ptr1 = passStringToWasm0(ret);
            const len1 = WASM_VECTOR_LEN;
            getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 1, len1, true);
            getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, ptr1, true);
        },
        Z: function(arg0) {
            const ret = random();
            const ptr1 = passStringToWasm0(ret);
            const len1 = WASM_VECTOR_LEN;
            getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 1, len1, true);
            getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, ptr1, true);
        },
        ea: function(arg0) {
            const ret = Promise.resolve(arg0);
            return ret;
        },
        ba: function() { return handleError(function (arg0, arg1, arg2, arg3, arg4) {
            arg0.set(getStringFromWasm0(arg1, arg2), getStringFromWasm0(arg3, arg4));
        }, arguments); },
        G: function(arg0, arg1) {
            arg0.body = arg1;
        },
        F: function(arg0, arg1) {
            arg0.cache = __wbindgen_enum_RequestCache[arg1];
        },
        i: function(arg0, arg1) {
            arg0.counts = arg1;
        },
        d: function(arg0, arg1, arg2) {
            arg0[arg1 >>> 0] = arg2;
        },
        H: function(arg0, arg1) {
            arg0.headers = arg1;
        },
        ra: function(arg0, arg1, arg2) {
            arg0.method = getStringFromWasm0(arg1, arg2);
        },
        E: function(arg0, arg1) {
            arg0.redirect = __wbindgen_enum_RequestRedirect[arg1];
        },
        D: function(arg0, arg1) {
            arg0.signal = arg1;
        },
        ga: function() {
            const ret = typeof globalThis === 'undefined' ? undefined : globalThis;
            return isLikeNone(ret) ? 0 : addToExternrefTable0(ret);
        },
        fa: function() {
            const ret = typeof global === 'undefined' ? undefined : global;
            return isLikeNone(ret) ? 0 : addToExternrefTable0(ret);
        },
        ia: function() {
            const ret = typeof self === 'undefined' ? undefined : self;
            return isLikeNone(ret) ? 0 : addToExternrefTable0(ret);
        },
        ha: function() {
            const ret = typeof window === 'undefined' ? undefined : window;
            return isLikeNone(ret) ? 0 : addToExternrefTable0(ret);
        },
        V: function(arg0) {
            const ret = arg0.taskIds();
            return ret;
        },
        X: function(arg0, arg1, arg2, arg3, arg4) {
            arg0.tell(getStringFromWasm0(arg1, arg2), getStringFromWasm0(arg3, arg4));
        },
        y: function(arg0, arg1, arg2, arg3, arg4) {
            arg0.tell(getStringFromWasm0(arg1, arg2), getStringFromWasm0(arg3, arg4));
        },
        x: function(arg0, arg1, arg2, arg3) {
            const ret = textAt(arg1, getStringFromWasm0(arg2, arg3));
            var ptr1 = isLikeNone(ret) ? 0 : passStringToWasm0(ret);
            var len1 = WASM_VECTOR_LEN;
            getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 1, len1, true);
            getDataViewMemory0().setInt32((arg0 >>> 0) + 4 * 0, ptr1, true);
        },
        s: function(arg0, arg1, arg2) {
            const ret = arg0.then(arg1, arg2);
            return ret;
        },
        ja: function(arg0, arg1) {
            const ret = arg0.then(arg1);
            return ret;
        },
        r: function(arg0) {
            arg0.through();
        },
        u: function(arg0, arg1, arg2, arg3) {
            const ret = arg0.wait(arg1, arg2 === 0 ? undefined : getStringFromWasm0(arg2, arg3));
            return ret;
        },
        ta: function(arg0, arg1) {
            // Cast intrinsic for `Closure(Closure { owned: true, function: Function { arguments: [Externref], shim_idx: 6, ret: Result(Unit), inner_ret: Some(Result(Unit)) }, mutable: true }) -> Externref`.
            const ret = makeMutClosure(arg0, arg1, wasm_bindgen_94f3bcf34f0ae52a___convert__closures_____invoke___wasm_bindgen_94f3bcf34f0ae52a___JsValue__core_5e1e7915bf905eea___result__Result_____wasm_bindgen_94f3bcf34f0ae52a___JsError___true_);
            return ret;
        },
        ua: function(arg0) {
            // Cast intrinsic for `F64 -> Externref`.
            const ret = arg0;
            return ret;
        },
        va: function(arg0, arg1) {
            // Cast intrinsic for `Ref(String) -> Externref`.
            const ret = getStringFromWasm0(arg0, arg1);
            return ret;
        },
        sa: function() {
            const table = wasm.Ra;
            table.set(0, undefined);
            table.set(1024, undefined);
            table.set(1025, null);
            table.set(1026, true);
            table.set(1027, false);
        },
    };
    return { a: import0 };
}

function wasm_bindgen_94f3bcf34f0ae52a___convert__closures_____invoke___wasm_bindgen_94f3bcf34f0ae52a___JsValue__core_5e1e7915bf905eea___result__Result_____wasm_bindgen_94f3bcf34f0ae52a___JsError___true_(arg0, arg1, arg2) {
    const ret = wasm.La(arg0, arg1, arg2);
    if (ret[1]) {
        throw takeFromExternrefTable0(ret[0]);
    }
}

function wasm_bindgen_94f3bcf34f0ae52a___convert__closures_____invoke___js_sys_1deb9b4f2cf9303c___Function_fn_wasm_bindgen_94f3bcf34f0ae52a___JsValue_____wasm_bindgen_94f3bcf34f0ae52a___sys__Undefined___js_sys_1deb9b4f2cf9303c___Function_fn_wasm_bindgen_94f3bcf34f0ae52a___JsValue_____wasm_bindgen_94f3bcf34f0ae52a___sys__Undefined_______true_(arg0, arg1, arg2, arg3) {
    wasm.Ka(arg0, arg1, arg2, arg3);
}


const __wbindgen_enum_RequestCache = ["default", "no-store", "reload", "no-cache", "force-cache", "only-if-cached"];


const __wbindgen_enum_RequestRedirect = ["follow", "error", "manual"];

function addToExternrefTable0(obj) {
    const idx = wasm.Qa();
    wasm.Ra.set(idx, obj);
    return idx;
}

const CLOSURE_DTORS = (typeof FinalizationRegistry === 'undefined')
    ? { register: () => {}, unregister: () => {} }
    : new FinalizationRegistry(state => wasm.Sa(state.a, state.b));

function getArrayU8FromWasm0(ptr, len) {
    ptr = ptr >>> 0;
    return getUint8ArrayMemory0().subarray(ptr / 1, ptr / 1 + len);
}

let cachedDataViewMemory0 = null;
function getDataViewMemory0() {
    if (cachedDataViewMemory0 === null || cachedDataViewMemory0.buffer.detached === true || (cachedDataViewMemory0.buffer.detached === undefined && cachedDataViewMemory0.buffer !== wasm.wa.buffer)) {
        cachedDataViewMemory0 = new DataView(wasm.wa.buffer);
    }
    return cachedDataViewMemory0;
}

function getStringFromWasm0(ptr, len) {
    ptr = ptr >>> 0;
    return decodeText(getUint8ArrayMemory0().subarray(ptr, ptr + len));
}

let cachedUint8ArrayMemory0 = null;
function getUint8ArrayMemory0() {
    if (cachedUint8ArrayMemory0 === null || cachedUint8ArrayMemory0.byteLength === 0) {
        cachedUint8ArrayMemory0 = new Uint8Array(wasm.wa.buffer);
    }
    return cachedUint8ArrayMemory0;
}

function handleError(f, args) {
    try {
        return f.apply(this, args);
    } catch (e) {
        const idx = addToExternrefTable0(e);
        wasm.Pa(idx);
    }
}

function isLikeNone(x) {
    return x === undefined || x === null;
}

function makeMutClosure(arg0, arg1, f) {
    const state = { a: arg0, b: arg1, cnt: 1 };
    const real = (...args) => {

        // First up with a closure we increment the internal reference
        // count. This ensures that the Rust closure environment won't
        // be deallocated while we're invoking it.
        state.cnt++;
        const a = state.a;
        state.a = 0;
        try {
            return f(a, state.b, ...args);
        } finally {
            state.a = a;
            real._wbg_cb_unref();
        }
    };
    real._wbg_cb_unref = () => {
        if (--state.cnt === 0) {
            wasm.Sa(state.a, state.b);
            state.a = 0;
            CLOSURE_DTORS.unregister(state);
        }
    };
    CLOSURE_DTORS.register(real, state, state);
    return real;
}

function passStringToWasm0(arg) {
    const bytes = new TextEncoder().encode(arg);
    WASM_VECTOR_LEN = bytes.length;
    const ptr = wasm.Ma(bytes.length, 1) >>> 0;
    getUint8ArrayMemory0().set(bytes, ptr);
    return ptr;
}

function takeFromExternrefTable0(idx) {
    const value = wasm.Ra.get(idx);
    wasm.Ta(idx);
    return value;
}

let cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
cachedTextDecoder.decode();
const MAX_SAFARI_DECODE_BYTES = 2146435072;
let numBytesDecoded = 0;
function decodeText(bytes) {
    numBytesDecoded += bytes.length;
    if (numBytesDecoded >= MAX_SAFARI_DECODE_BYTES) {
        cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
        cachedTextDecoder.decode();
        numBytesDecoded = bytes.length;
    }
    return cachedTextDecoder.decode(bytes);
}

let WASM_VECTOR_LEN = 0;

let wasm;

export { __wbg_get_imports as imports };

export function start(instance) {
    wasm = instance.exports;
    wasm.Ua();
}
