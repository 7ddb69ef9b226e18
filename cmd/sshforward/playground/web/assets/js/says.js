// What Slack's own client says around messages and forms, in the language of
// whoever one acts as. The page around it stays as it is.

import { me } from './state.js';

const japanese = {
  'Only visible to you': 'あなただけに表示されています',
  '(edited)': '(編集済み)',
  ' (optional)': '(任意)',
  'Please fill in this one.': '入力してください。',
  New: '新着',
  Reply: '返信',
  'Reply…': '返信する',
  Home: 'ホーム',
  Messages: 'メッセージ',
};

/** says is a word of the client. */
export const says = (text) => (me()?.locale?.startsWith('ja') ? japanese[text] ?? text : text);
