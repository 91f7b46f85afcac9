/** This front end's version: the server extension is of the same release, or the page is older than the server. */
export const VERSION = '0.1.0';
