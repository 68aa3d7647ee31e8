// Package pages is the cloud's console: server pages at /console/ beside the JSON API, in Chinese and
// English, for the administrators and members of an organisation, for merchants and for the operator.
// Package app mounts it on the one listener. It checks who asks, turns a form into one call of a
// room (members, market) and shows the answer or the refusal; it holds no rule of its own, never
// calls the JSON API, and never puts a secret into a page, an address or a log.
//
// Every request passes the frame (frame.go): headers, the session's cookie, the page's Need, and
// for POST also origin, size, syntax and the session's CSRF token. The pages work without script; script
// only refreshes parts and shows times in the reader's zone.
//
// # To add a page
//
// Write one file for the subject with a method on *Console that returns its pages, and name it in
// (*Console).pages (console.go):
//
//	func (c *Console) noticePages() []Page {
//		return []Page{
//			{Pattern: "GET /console/notices", Need: OfMerchant, Nav: "notices.nav", Handle: c.getNotices},
//			{Pattern: "POST /console/notices/again", Need: OfMerchant, Handle: c.postAgain, Back: c.getNotices},
//		}
//	}
//
// A GET reads and ends with v.Show("notices", data): the template of that name in
// templates/notices.html is given .D (data) beside what every page has: .T (a sentence), .Time, .In (a form's
// value as it was sent), .User, .Link. Each form has {{template "csrf" .}}. A POST calls the room with
// v.Who() or v.Why(action) and ends with v.Done(path, "done.notice.sent"), a redirect that shows that
// sentence; an error that it returns is shown by Back with the refusal on top, or by the page of errors.
// Sentences stand in a table of the subject (messages_….go), English and Chinese, named in sentences
// (messages.go); a refusal's are "no.CODE" and "no.CODE.do", or "no.CODE.REASON" where the code is too coarse.
package pages
