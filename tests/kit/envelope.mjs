// @ts-check

/**
 * An answer as the API gives it: at HTTP 200, whatever its code.
 *
 * @param {unknown} data
 */
export const envelope = (data, code = 200, msg = "success") => Response.json({ code, msg, data });
