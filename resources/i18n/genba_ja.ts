<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja" sourcelanguage="en">
<context>
    <name>AlarmBanner</name>
    <message>
        <source>No alarms</source>
        <translation>アラームなし</translation>
    </message>
    <message>
        <source>+{n} more</source>
        <translation>他 {n} 件</translation>
    </message>
</context>
<context>
    <name>AndonPanel</name>
    <message>
        <source>All areas</source>
        <translation>全エリア</translation>
    </message>
    <message>
        <source>All lines</source>
        <translation>全ライン</translation>
    </message>
    <message>
        <source>Whole screen</source>
        <translation>全画面</translation>
    </message>
    <message>
        <source>No lines yet. Apply a site file with: genba site apply FILE</source>
        <translation>ラインがありません。サイトファイルを適用してください：genba site apply FILE</translation>
    </message>
    <message>
        <source>The lines are not known. They are shown as soon as the database answers.</source>
        <translation>ラインを表示できません。データベースにつながり次第、表示します。</translation>
    </message>
    <message>
        <source>Lines are being loaded …</source>
        <translation>ラインを読み込んでいます…</translation>
    </message>
</context>
<context>
    <name>AssignSheet</name>
    <message>
        <source>Assign to an order</source>
        <translation>作業指示へ振替</translation>
    </message>
    <message>
        <source>Assign</source>
        <translation>振替</translation>
    </message>
    <message>
        <source>{line}   good {good}, scrap {scrap} {unit}</source>
        <translation>{line}   良品 {good}、廃却 {scrap} {unit}</translation>
    </message>
    <message>
        <source>made {time}, reported by {user} at {station}</source>
        <translation>{time} 生産、報告者 {user}({station})</translation>
    </message>
    <message>
        <source>{number}: good {good} of {planned}</source>
        <translation>{number}: 良品 {good} / 計画 {planned}</translation>
    </message>
    <message>
        <source>Good</source>
        <translation>良品</translation>
    </message>
    <message>
        <source>Scrap</source>
        <translation>廃却</translation>
    </message>
</context>
<context>
    <name>Attention</name>
    <message>
        <source>It is not in the database.</source>
        <translation>データベースにありません。</translation>
    </message>
    <message>
        <source>good {good} of {planned}, scrap {scrap}</source>
        <translation>良品 {good} / 計画 {planned}、廃却 {scrap}</translation>
    </message>
    <message>
        <source>{time}  {name} at {station}: {what}</source>
        <translation>{time}  {name}({station}): {what}</translation>
    </message>
    <message>
        <source>good {good}, scrap {scrap}</source>
        <translation>良品 {good}、廃却 {scrap}</translation>
    </message>
</context>
<context>
    <name>AttentionSheet</name>
    <message>
        <source>Needs attention</source>
        <translation>要対応</translation>
    </message>
    <message>
        <source>Apply now</source>
        <translation>今すぐ適用</translation>
    </message>
    <message>
        <source>Open the order</source>
        <translation>作業指示を開く</translation>
    </message>
    <message>
        <source>Replaced</source>
        <translation>別の操作で対応済</translation>
    </message>
    <message>
        <source>Drop</source>
        <translation>取り下げ</translation>
    </message>
    <message>
        <source>Book in my name</source>
        <translation>自分の名前で登録</translation>
    </message>
    <message>
        <source>Reason</source>
        <translation>理由</translation>
    </message>
    <message>
        <source>Wanted</source>
        <translation>したかったこと</translation>
    </message>
    <message>
        <source>Now</source>
        <translation>現在</translation>
    </message>
    <message>
        <source>When</source>
        <translation>日時</translation>
    </message>
    <message>
        <source>Who</source>
        <translation>担当</translation>
    </message>
    <message>
        <source>What</source>
        <translation>操作</translation>
    </message>
    <message>
        <source>Why not</source>
        <translation>できない理由</translation>
    </message>
    <message>
        <source>Nothing needs attention.</source>
        <translation>対応が必要なものはありません。</translation>
    </message>
    <message>
        <source>What is decided here while the database is away comes home by itself.</source>
        <translation>データベースが切れている間の操作は、復帰後に自動で登録されます。</translation>
    </message>
    <message>
        <source>{n} decisions wait for the database.</source>
        <translation>データベース待ちの操作:{n} 件</translation>
    </message>
</context>
<context>
    <name>AuthoriseSheet</name>
    <message>
        <source>Authorise once:  {operation}</source>
        <translation>1 回だけ承認: {operation}</translation>
    </message>
    <message>
        <source>Authorise once</source>
        <translation>1 回だけ承認</translation>
    </message>
    <message>
        <source>{name} ({code}) has no right to do this. Somebody who has may allow it this once.</source>
        <translation>{name}({code})さんには権限がありません。権限のある人が今回だけ承認できます。</translation>
    </message>
    <message>
        <source>May be allowed by</source>
        <translation>承認できる役割</translation>
    </message>
</context>
<context>
    <name>Band</name>
    <message>
        <source>SIMULATION: no real machines</source>
        <translation>模擬運転：実在しない設備です</translation>
    </message>
    <message>
        <source>Database away: showing what was saved here</source>
        <translation>データベース切断中：この端末に保存した内容を表示</translation>
    </message>
    <message>
        <source>Database away</source>
        <translation>データベース切断中</translation>
    </message>
    <message>
        <source>Read only</source>
        <translation>閲覧のみ</translation>
    </message>
    <message>
        <source>TRAINING: nothing is recorded</source>
        <translation>訓練中：記録されません</translation>
    </message>
</context>
<context>
    <name>BoardPage</name>
    <message>
        <source>Show line {line}</source>
        <translation>ライン {line} を表示</translation>
    </message>
    <message>
        <source>Line</source>
        <translation>ライン</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状態</translation>
    </message>
    <message>
        <source>Order</source>
        <translation>作業指示</translation>
    </message>
    <message>
        <source>Waits for somebody</source>
        <translation>要対応</translation>
    </message>
    <message>
        <source>No line is known.</source>
        <translation>ラインが不明です。</translation>
    </message>
    <message>
        <source>It is shown as soon as the database answers.</source>
        <translation>データベースが応答すると表示します。</translation>
    </message>
    <message>
        <source>no shift</source>
        <translation>勤務帯外</translation>
    </message>
    <message>
        <source>reject {n}</source>
        <translation>不良 {n}</translation>
    </message>
    <message>
        <source>{n} stops without a reason</source>
        <translation>理由未入力の停止 {n} 件</translation>
    </message>
    <message>
        <source>behind by {n}</source>
        <translation>{n} 遅れ</translation>
    </message>
    <message>
        <source>All lines</source>
        <translation>全ライン</translation>
    </message>
</context>
<context>
    <name>BottomSheet</name>
    <message>
        <source>Not written after {n} s</source>
        <translation>{n} 秒後に書き込まず閉じます</translation>
    </message>
</context>
<context>
    <name>Browser</name>
    <message>
        <source>chosen</source>
        <translation>選択済</translation>
    </message>
    <message>
        <source>in use</source>
        <translation>使用中</translation>
    </message>
    <message>
        <source>writable</source>
        <translation>書込み可</translation>
    </message>
    <message>
        <source>These roles may: {roles}</source>
        <translation>次の役割の人ができます:{roles}</translation>
    </message>
    <message>
        <source>You have no right to browse machines.</source>
        <translation>設備のタグを検索する権限がありません。</translation>
    </message>
    <message>
        <source>No machines yet.</source>
        <translation>設備はまだありません。</translation>
    </message>
    <message>
        <source>Apply a site file with: genba site apply FILE</source>
        <translation>サイトファイルを適用してください: genba site apply FILE</translation>
    </message>
    <message>
        <source>{name} is being read …</source>
        <translation>{name} を読んでいます …</translation>
    </message>
    <message>
        <source>Nothing here has “{words}” in its name.</source>
        <translation>「{words}」を名前に含むものはありません。</translation>
    </message>
    <message>
        <source>Shorten the search.</source>
        <translation>検索語を短くしてください。</translation>
    </message>
    <message>
        <source>A Modbus machine has no list of its values.</source>
        <translation>Modbus の設備は値の一覧を持ちません。</translation>
    </message>
    <message>
        <source>Scan a range of its registers.</source>
        <translation>レジスタの範囲を調べてください。</translation>
    </message>
    <message>
        <source>There is nothing here.</source>
        <translation>ここには何もありません。</translation>
    </message>
    <message>
        <source>Go back, or choose another machine.</source>
        <translation>戻るか、別の設備を選んでください。</translation>
    </message>
</context>
<context>
    <name>BrowserSheets</name>
    <message>
        <source>Unit</source>
        <translation>局番(ユニット)</translation>
    </message>
    <message>
        <source>From address</source>
        <translation>先頭アドレス</translation>
    </message>
    <message>
        <source>How many</source>
        <translation>個数</translation>
    </message>
    <message>
        <source>Table</source>
        <translation>領域</translation>
    </message>
    <message>
        <source>Every address is read once. Some old machines stumble over addresses they do not have.</source>
        <translation>各アドレスを1回ずつ読みます。古い設備では、存在しないアドレスの読取りで動作が不安定になることがあります。</translation>
    </message>
    <message>
        <source>Scan a range</source>
        <translation>範囲を調べる</translation>
    </message>
    <message>
        <source>Parts of the name or address; nothing: show all</source>
        <translation>名前またはアドレスの一部(空欄:すべて表示)</translation>
    </message>
</context>
<context>
    <name>CalendarPage</name>
    <message>
        <source>all</source>
        <translation>全て</translation>
    </message>
    <message>
        <source>What</source>
        <translation>何を</translation>
    </message>
    <message>
        <source>Calendar</source>
        <translation>カレンダー</translation>
    </message>
    <message>
        <source>Line</source>
        <translation>ライン</translation>
    </message>
    <message>
        <source>Production date</source>
        <translation>生産日</translation>
    </message>
    <message>
        <source>Shift (empty: the whole day)</source>
        <translation>勤務帯(空欄は終日)</translation>
    </message>
    <message>
        <source>From – to, as 15:00-17:00</source>
        <translation>時間帯(例 15:00-17:00)</translation>
    </message>
    <message>
        <source>Crew</source>
        <translation>班</translation>
    </message>
    <message>
        <source>Note</source>
        <translation>備考</translation>
    </message>
    <message>
        <source>Calendar / line</source>
        <translation>カレンダー / ライン</translation>
    </message>
    <message>
        <source>Shift</source>
        <translation>勤務帯</translation>
    </message>
    <message>
        <source>From – to</source>
        <translation>時間帯</translation>
    </message>
    <message>
        <source>Every day is as the calendar says.</source>
        <translation>例外日はありません。</translation>
    </message>
    <message>
        <source>What is otherwise is entered with the button below.</source>
        <translation>例外は下のボタンで登録します。</translation>
    </message>
    <message>
        <source>The calendar is not known.</source>
        <translation>カレンダーが不明です。</translation>
    </message>
    <message>
        <source>It is shown as soon as the database answers.</source>
        <translation>データベースにつながり次第、表示します。</translation>
    </message>
    <message>
        <source>all lines</source>
        <translation>全ライン</translation>
    </message>
</context>
<context>
    <name>CallSheet</name>
    <message>
        <source>Withdraw</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>I am coming</source>
        <translation>向かいます</translation>
    </message>
    <message>
        <source>Called already</source>
        <translation>呼出し中</translation>
    </message>
    <message>
        <source>Whom do you need?</source>
        <translation>誰を呼びますか</translation>
    </message>
    <message>
        <source>{words}, kept here until the database is back</source>
        <translation>{words}（データベース復帰までこの端末に保存）</translation>
    </message>
</context>
<context>
    <name>CertificateSheet</name>
    <message>
        <source>Certificate of {source}</source>
        <translation>「{source}」の証明書</translation>
    </message>
    <message>
        <source>Trust this certificate</source>
        <translation>この証明書を信頼する</translation>
    </message>
    <message>
        <source>It is the same: trust it</source>
        <translation>同じだった:信頼する</translation>
    </message>
    <message>
        <source>Trusted until now</source>
        <translation>これまで信頼していた証明書</translation>
    </message>
    <message>
        <source>Trusted</source>
        <translation>信頼している証明書</translation>
    </message>
    <message>
        <source>Shown by the machine now</source>
        <translation>いま設備が示している証明書</translation>
    </message>
    <message>
        <source>Only if all 16 groups are the same at the machine itself. From then on {source} gets this station&apos;s password.</source>
        <translation>設備側の表示と16組すべてが同じときだけ進んでください。以後、この端末は「{source}」にパスワードを渡します。</translation>
    </message>
    <message>
        <source>These roles may trust it: {roles}</source>
        <translation>次の役割の人が信頼できます:{roles}</translation>
    </message>
</context>
<context>
    <name>ChangePinSheet</name>
    <message>
        <source>Change PIN</source>
        <translation>暗証番号の変更</translation>
    </message>
    <message>
        <source>Somebody else gave you this PIN. Choose one that only you know.</source>
        <translation>他の人が設定した暗証番号です。自分だけが知る番号に変更してください。</translation>
    </message>
    <message>
        <source>Your PIN is too old. Choose a new one.</source>
        <translation>暗証番号の有効期限が切れました。新しい番号に変更してください。</translation>
    </message>
    <message>
        <source>At least {digits} digits, or {characters} characters with letters. Not the one you have now, not 111111, not 123456.</source>
        <translation>数字なら {digits} 桁以上、英字を含むなら {characters} 文字以上。今と同じもの、111111 や 123456 は使えません。</translation>
    </message>
    <message>
        <source>PIN or password now</source>
        <translation>今の暗証番号・パスワード</translation>
    </message>
    <message>
        <source>New PIN or password</source>
        <translation>新しい暗証番号・パスワード</translation>
    </message>
    <message>
        <source>The new one again</source>
        <translation>新しいもの(もう一度)</translation>
    </message>
    <message>
        <source>Your PIN was changed.</source>
        <translation>暗証番号を変更しました。</translation>
    </message>
</context>
<context>
    <name>ChangesSheet</name>
    <message>
        <source>Thing</source>
        <translation>対象</translation>
    </message>
    <message>
        <source>What</source>
        <translation>項目</translation>
    </message>
    <message>
        <source>Before</source>
        <translation>変更前</translation>
    </message>
    <message>
        <source>Afterwards</source>
        <translation>変更後</translation>
    </message>
    <message>
        <source>No row was changed.</source>
        <translation>データの変更はありません。</translation>
    </message>
</context>
<context>
    <name>ChoiceField</name>
    <message>
        <source>Nothing is chosen yet.</source>
        <translation>まだ選択されていません。</translation>
    </message>
    <message>
        <source>Touch the field and choose.</source>
        <translation>欄に触れて選んでください。</translation>
    </message>
    <message>
        <source>What you entered is kept.</source>
        <translation>入力した内容は残っています。</translation>
    </message>
</context>
<context>
    <name>ChoiceSheet</name>
    <message>
        <source>Search</source>
        <translation>検索</translation>
    </message>
    <message>
        <source>Nothing matches.</source>
        <translation>該当するものがありません。</translation>
    </message>
    <message>
        <source>Shorten the search.</source>
        <translation>検索文字を短くしてください。</translation>
    </message>
</context>
<context>
    <name>ConflictSheet</name>
    <message>
        <source>Changed by somebody else  {about}</source>
        <translation>ほかの人が変更しました  {about}</translation>
    </message>
    <message>
        <source>Nothing of yours was saved. Leave theirs, or put yours on top of it.</source>
        <translation>あなたの操作は登録していません。相手の変更を残すか、その上に自分の変更を適用してください。</translation>
    </message>
    <message>
        <source>Leave theirs</source>
        <translation>相手の変更を残す</translation>
    </message>
    <message>
        <source>Apply mine on it</source>
        <translation>自分の変更を適用</translation>
    </message>
    <message>
        <source>What</source>
        <translation>何を</translation>
    </message>
    <message>
        <source>As I saw it</source>
        <translation>操作前の表示</translation>
    </message>
    <message>
        <source>Theirs, now</source>
        <translation>現在(相手)</translation>
    </message>
    <message>
        <source>Mine</source>
        <translation>自分</translation>
    </message>
</context>
<context>
    <name>ConnectionSheet</name>
    <message>
        <source>Look at its certificate</source>
        <translation>証明書を確認</translation>
    </message>
    <message>
        <source>Accept this machine</source>
        <translation>この設備を承認</translation>
    </message>
    <message>
        <source>{source} now calls itself “{identity}”. Look at the machine itself before you accept it.</source>
        <translation>{source} は現在「{identity}」と名乗っています。現物を確認してから承認してください。</translation>
    </message>
    <message>
        <source>{source}: accepted</source>
        <translation>{source}:承認しました</translation>
    </message>
</context>
<context>
    <name>Connections</name>
    <message>
        <source>Another machine</source>
        <translation>別の設備</translation>
    </message>
    <message>
        <source>by {station}</source>
        <translation>端末 {station} 経由</translation>
    </message>
    <message>
        <source>safe</source>
        <translation>安全</translation>
    </message>
    <message>
        <source>unsafe</source>
        <translation>安全でない</translation>
    </message>
    <message>
        <source>this computer</source>
        <translation>端末内</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>アドレス</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状態</translation>
    </message>
    <message>
        <source>Last backup</source>
        <translation>最後のバックアップ</translation>
    </message>
    <message>
        <source>Next backup</source>
        <translation>次のバックアップ</translation>
    </message>
    <message>
        <source>Backups are in</source>
        <translation>バックアップの保存先</translation>
    </message>
    <message>
        <source>Who reads it</source>
        <translation>読取り担当</translation>
    </message>
    <message>
        <source>nobody: people enter its values</source>
        <translation>なし(値は人が入力します)</translation>
    </message>
    <message>
        <source>agrees</source>
        <translation>一致</translation>
    </message>
    <message>
        <source>Values per second</source>
        <translation>毎秒の値の数</translation>
    </message>
    <message>
        <source>Delay (p50 / p95 / p99)</source>
        <translation>遅れ (p50 / p95 / p99)</translation>
    </message>
    <message>
        <source>Connected again</source>
        <translation>再接続</translation>
    </message>
    <message>
        <source>{n} times, {failures} failures</source>
        <translation>{n} 回(失敗 {failures} 回)</translation>
    </message>
    <message>
        <source>Machine&apos;s clock</source>
        <translation>設備の時計</translation>
    </message>
    <message>
        <source>Identity</source>
        <translation>設備の識別</translation>
    </message>
    <message>
        <source>station {station}; values are relayed</source>
        <translation>端末 {station}(値は中継)</translation>
    </message>
    <message>
        <source>every station by itself</source>
        <translation>各端末が個別に読取り</translation>
    </message>
    <message>
        <source>stations {stations}</source>
        <translation>端末 {stations}</translation>
    </message>
    <message>
        <source>this station, for all others</source>
        <translation>この端末(他の端末へ中継)</translation>
    </message>
    <message>
        <source>clock {seconds} s ahead</source>
        <translation>時計 {seconds} 秒進み</translation>
    </message>
    <message>
        <source>clock {seconds} s behind</source>
        <translation>時計 {seconds} 秒遅れ</translation>
    </message>
</context>
<context>
    <name>ConnectionsView</name>
    <message>
        <source>All ({n})</source>
        <translation>すべて ({n})</translation>
    </message>
    <message>
        <source>In trouble ({n})</source>
        <translation>異常 ({n})</translation>
    </message>
    <message>
        <source>{n} values/s in all</source>
        <translation>合計 毎秒 {n} 値</translation>
    </message>
    <message>
        <source>Is being loaded …</source>
        <translation>読み込んでいます …</translation>
    </message>
    <message>
        <source>Nothing is in trouble.</source>
        <translation>異常のある接続はありません。</translation>
    </message>
    <message>
        <source>Every connection that should be there is there.</source>
        <translation>必要な接続はすべてつながっています。</translation>
    </message>
    <message>
        <source>No connections yet.</source>
        <translation>接続はまだありません。</translation>
    </message>
    <message>
        <source>Apply a site file with: genba site apply FILE</source>
        <translation>サイトファイルを適用してください: genba site apply FILE</translation>
    </message>
    <message>
        <source>Certificate</source>
        <translation>証明書</translation>
    </message>
    <message>
        <source>Connect now</source>
        <translation>今すぐ接続</translation>
    </message>
    <message>
        <source>Accept this machine</source>
        <translation>この設備を承認</translation>
    </message>
    <message>
        <source>{source}: trusted, connecting now</source>
        <translation>{source}:信頼しました。接続を試みています</translation>
    </message>
    <message>
        <source>{source}: connecting now</source>
        <translation>{source}:接続を試みています</translation>
    </message>
    <message>
        <source>Connection</source>
        <translation>接続</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状態</translation>
    </message>
    <message>
        <source>Values/s</source>
        <translation>値/秒</translation>
    </message>
    <message>
        <source>Delay</source>
        <translation>遅れ</translation>
    </message>
    <message>
        <source>Safety</source>
        <translation>安全性</translation>
    </message>
</context>
<context>
    <name>Content</name>
    <message>
        <source>entries are kept here</source>
        <translation>入力はこの端末に保存されます</translation>
    </message>
    <message>
        <source>lost {ago}</source>
        <translation>{ago}から</translation>
    </message>
    <message>
        <source>updated {ago}</source>
        <translation>更新 {ago}</translation>
    </message>
</context>
<context>
    <name>CountCard</name>
    <message>
        <source>No order</source>
        <translation>作業指示なし</translation>
    </message>
    <message>
        <source>waiting</source>
        <translation>送信待ち</translation>
    </message>
    <message>
        <source>Finish</source>
        <translation>完了見込み</translation>
    </message>
</context>
<context>
    <name>CountPad</name>
    <message>
        <source>touched by mistake</source>
        <translation>誤って押したため</translation>
    </message>
    <message>
        <source>{number}: good {good} of {planned}</source>
        <translation>{number}：良品 {good} ／計画 {planned}</translation>
    </message>
    <message>
        <source>Count by hand  {number}</source>
        <translation>手計数  {number}</translation>
    </message>
    <message>
        <source>Good {good} of {planned}, scrap {scrap}</source>
        <translation>良品 {good} / {planned}、廃却 {scrap}</translation>
    </message>
    <message>
        <source>   being booked: {n}</source>
        <translation>   登録中: {n}</translation>
    </message>
    <message>
        <source>Take the last one back</source>
        <translation>直前の1件を取消</translation>
    </message>
</context>
<context>
    <name>DecideSheet</name>
    <message>
        <source>{status} → {after}   planned {planned}, good {good}, scrap {scrap}</source>
        <translation>{status} → {after}   計画 {planned}、良品 {good}、廃却 {scrap}</translation>
    </message>
    <message>
        <source>by {name}</source>
        <translation>入力者 {name}</translation>
    </message>
    <message>
        <source>Reason</source>
        <translation>理由</translation>
    </message>
    <message>
        <source>{number}: {status}, kept here until the database is back</source>
        <translation>{number}：{status}（データベース復帰までこの端末に保存）</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状態</translation>
    </message>
    <message>
        <source>The database is away: this is kept here and sent by itself when it is back.</source>
        <translation>データベース切断中:この端末に保存し、復帰後に自動で送信します。</translation>
    </message>
</context>
<context>
    <name>DowntimePage</name>
    <message>
        <source>{n} stops   {length}   without reason {open}</source>
        <translation>停止 {n} 件   {length}   理由未登録 {open}</translation>
    </message>
    <message>
        <source>Is being loaded …</source>
        <translation>読み込んでいます …</translation>
    </message>
    <message>
        <source>Every stop of the last 24 hours has its reason.</source>
        <translation>過去24時間の停止はすべて理由登録済みです。</translation>
    </message>
    <message>
        <source>Nothing of this kind in the last 24 hours.</source>
        <translation>過去24時間に該当はありません。</translation>
    </message>
    <message>
        <source>belongs to the stop before</source>
        <translation>前の停止の続き</translation>
    </message>
    <message>
        <source>What was it?</source>
        <translation>何だったか</translation>
    </message>
    <message>
        <source>Times</source>
        <translation>対応時刻</translation>
    </message>
    <message>
        <source>Merge with the one before</source>
        <translation>前と統合</translation>
    </message>
    <message>
        <source>Merged</source>
        <translation>統合しました</translation>
    </message>
    <message>
        <source>All stops</source>
        <translation>すべての停止</translation>
    </message>
    <message>
        <source>Without reason</source>
        <translation>理由未登録</translation>
    </message>
    <message>
        <source>When</source>
        <translation>時刻</translation>
    </message>
</context>
<context>
    <name>Draft</name>
    <message>
        <source>Restored: you had typed this at {time}.</source>
        <translation>入力途中の内容を戻しました({time} の入力)。</translation>
    </message>
    <message>
        <source>Restored: you had confirmed this at {time}. Look whether it is booked before you confirm again.</source>
        <translation>{time} に確定した内容を戻しました。登録済みでないか確認してから確定してください。</translation>
    </message>
    <message>
        <source>Unfinished entries are kept: {forms}. Open the form again.</source>
        <translation>入力途中の内容があります: {forms}。画面を開き直してください。</translation>
    </message>
</context>
<context>
    <name>EquipmentPanel</name>
    <message>
        <source>Machines</source>
        <translation>設備</translation>
    </message>
    <message>
        <source>Connections</source>
        <translation>接続</translation>
    </message>
    <message>
        <source>Tag browser</source>
        <translation>タグ検索</translation>
    </message>
</context>
<context>
    <name>ExportRowsSheet</name>
    <message>
        <source>Rows for tags.csv</source>
        <translation>tags.csv の行</translation>
    </message>
    <message>
        <source>Write a file</source>
        <translation>ファイルに出力</translation>
    </message>
    <message>
        <source>Leave out</source>
        <translation>外す</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>コピー</translation>
    </message>
    <message>
        <source>Check names, units and limits in a spreadsheet, then apply them with: genba site apply. Folder: {folder}</source>
        <translation>表計算で名前・単位・限界値を確認し、genba site apply で適用してください。出力先: {folder}</translation>
    </message>
    <message>
        <source>Tag</source>
        <translation>タグ</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>アドレス</translation>
    </message>
    <message>
        <source>Type</source>
        <translation>型</translation>
    </message>
    <message>
        <source>Nothing is chosen.</source>
        <translation>何も選ばれていません。</translation>
    </message>
    <message>
        <source>Close this, and choose values in the list.</source>
        <translation>閉じてから、一覧で値を選んでください。</translation>
    </message>
    <message>
        <source>{n} rows are in the clipboard.</source>
        <translation>{n} 行をクリップボードにコピーしました。</translation>
    </message>
    <message>
        <source>{n} rows are in {path}</source>
        <translation>{n} 行を {path} に出力しました</translation>
    </message>
</context>
<context>
    <name>ExportSheet</name>
    <message>
        <source>{file} is in {folder}</source>
        <translation>{folder} に {file} を出力しました</translation>
    </message>
    <message>
        <source>What</source>
        <translation>対象</translation>
    </message>
    <message>
        <source>As</source>
        <translation>形式</translation>
    </message>
    <message>
        <source>Written to {folder}. CSV and XLSX hold every row, PNG what is in sight.</source>
        <translation>{folder} に出力します。CSV と XLSX には全行、PNG には画面の表示が入ります。</translation>
    </message>
</context>
<context>
    <name>FieldBox</name>
    <message>
        <source>Nothing was typed yet.</source>
        <translation>まだ入力されていません。</translation>
    </message>
    <message>
        <source>{value} cannot be entered here.</source>
        <translation>{value} は入力できません。</translation>
    </message>
    <message>
        <source>What you entered is kept.</source>
        <translation>入力した内容は残っています。</translation>
    </message>
    <message>
        <source>Fill in this field.</source>
        <translation>この欄を入力してください。</translation>
    </message>
    <message>
        <source>Type a number from {low} to {high}.</source>
        <translation>{low} ～ {high} の数値を入力してください。</translation>
    </message>
    <message>
        <source>Type a number.</source>
        <translation>数値を入力してください。</translation>
    </message>
</context>
<context>
    <name>FormulaSheet</name>
    <message>
        <source>{ideal} of the good parts / {busy}</source>
        <translation>良品の{ideal} / {busy}</translation>
    </message>
    <message>
        <source>Since the beginning of the shift {time}. Planned stops and gaps in the data are left out.</source>
        <translation>勤務帯の開始 {time} から。計画停止とデータ欠落の時間は除きます。</translation>
    </message>
</context>
<context>
    <name>Gap</name>
    <message>
        <source>No data  {unit}  {span}</source>
        <translation>データなし  {unit}  {span}</translation>
    </message>
    <message>
        <source>What did the machine do?</source>
        <translation>設備は何をしていましたか</translation>
    </message>
    <message>
        <source>How do you know?</source>
        <translation>そう判断した根拠</translation>
    </message>
    <message>
        <source>The time and what was counted over it come into the figures together.</source>
        <translation>この時間と、その間の計数は、一緒に集計へ戻ります。</translation>
    </message>
</context>
<context>
    <name>Handover</name>
    <message>
        <source>Draft, as it is now: nobody has handed it over yet</source>
        <translation>下書き(現在の内容): まだ引き継がれていません</translation>
    </message>
    <message>
        <source>Handed over by {who}, {at}</source>
        <translation>引継ぎ {who}、{at}</translation>
    </message>
    <message>
        <source>Not taken over yet</source>
        <translation>未受領</translation>
    </message>
    <message>
        <source>Taken over by {who}, {at}</source>
        <translation>受領 {who}、{at}</translation>
    </message>
    <message>
        <source>Draft</source>
        <translation>下書き</translation>
    </message>
    <message>
        <source>good {good}, scrap {scrap}, rework {rework}</source>
        <translation>良品 {good}、廃却 {scrap}、手直し {rework}</translation>
    </message>
    <message>
        <source>Output</source>
        <translation>生産実績</translation>
    </message>
    <message>
        <source>{product}  {good} of {planned}, scrap {scrap}, rework {rework}  {status}</source>
        <translation>{product}  {good} / {planned}、廃却 {scrap}、手直し {rework}  {status}</translation>
    </message>
    <message>
        <source>goes on</source>
        <translation>継続中</translation>
    </message>
    <message>
        <source>Stop without a reason</source>
        <translation>理由未入力の停止</translation>
    </message>
    <message>
        <source>Stops without a reason</source>
        <translation>理由未入力の停止</translation>
    </message>
    <message>
        <source>Open call</source>
        <translation>未解決の呼出し</translation>
    </message>
    <message>
        <source>On hold</source>
        <translation>保留</translation>
    </message>
    <message>
        <source>Reports without an order</source>
        <translation>未割当の報告</translation>
    </message>
    <message>
        <source>Messages waiting to be sent</source>
        <translation>送信待ちのメッセージ</translation>
    </message>
    <message>
        <source>Entries waiting at this station</source>
        <translation>この端末の登録待ち</translation>
    </message>
    <message>
        <source>Note</source>
        <translation>備考</translation>
    </message>
    <message>
        <source>In the words of who gave it</source>
        <translation>引継ぎ者のコメント</translation>
    </message>
    <message>
        <source>What</source>
        <translation>何を</translation>
    </message>
    <message>
        <source>At the end of the shift</source>
        <translation>勤務帯終了時</translation>
    </message>
    <message>
        <source>Signatures</source>
        <translation>署名</translation>
    </message>
</context>
<context>
    <name>HandoverPage</name>
    <message>
        <source>There is no shift to show there.</source>
        <translation>表示できる勤務帯がありません。</translation>
    </message>
    <message>
        <source>Write a note</source>
        <translation>申し送りを書く</translation>
    </message>
    <message>
        <source>PDF</source>
        <translation>PDF</translation>
    </message>
    <message>
        <source>What the next shift should know</source>
        <translation>次の勤務帯に伝える内容</translation>
    </message>
    <message>
        <source>What stands on the page now is kept as it is, with your signature.</source>
        <translation>いま表示されている内容を、あなたの署名とともにそのまま保存します。</translation>
    </message>
    <message>
        <source>In your own words</source>
        <translation>自由記入</translation>
    </message>
    <message>
        <source>You have read the page; from now on the line is yours.</source>
        <translation>内容を確認しました。これ以降、このラインを担当します。</translation>
    </message>
    <message>
        <source>{file} is in {folder}</source>
        <translation>{folder} に {file} を出力しました</translation>
    </message>
    <message>
        <source>What</source>
        <translation>何を</translation>
    </message>
    <message>
        <source>At the end of the shift</source>
        <translation>勤務帯終了時</translation>
    </message>
    <message>
        <source>No shift is known here.</source>
        <translation>勤務帯が不明です。</translation>
    </message>
    <message>
        <source>It is shown as soon as the database answers.</source>
        <translation>データベースにつながり次第、表示します。</translation>
    </message>
</context>
<context>
    <name>Header</name>
    <message>
        <source>日本語</source>
        <translation>English</translation>
    </message>
    <message>
        <source>Machines are not being read</source>
        <translation>機械の値を読めていません</translation>
    </message>
    <message>
        <source>The screen stands still</source>
        <translation>画面の更新が止まっています</translation>
    </message>
    <message>
        <source>old values; it restarts by itself</source>
        <translation>値は古いままです。自動で再起動します</translation>
    </message>
    <message>
        <source>restart the program; entries are kept</source>
        <translation>プログラムを再起動してください。入力は残ります</translation>
    </message>
    <message>
        <source>+{n} more</source>
        <translation>他 {n} 件</translation>
    </message>
    <message>
        <source>no contact since {time}</source>
        <translation>通信断 {time} から</translation>
    </message>
    <message>
        <source>partly no answer since {time}</source>
        <translation>一部応答なし {time} から</translation>
    </message>
    <message>
        <source>Machines are read by another station</source>
        <translation>設備は別の端末が読み取っています</translation>
    </message>
    <message>
        <source>values are relayed</source>
        <translation>中継値を表示しています</translation>
    </message>
    <message>
        <source>Machines are not read here</source>
        <translation>この端末では設備を読み取っていません</translation>
    </message>
    <message>
        <source>this panel only shows</source>
        <translation>表示専用の端末です</translation>
    </message>
    <message>
        <source>Machines</source>
        <translation>設備</translation>
    </message>
    <message>
        <source>connecting …</source>
        <translation>接続しています…</translation>
    </message>
    <message>
        <source>All machines connected</source>
        <translation>全設備と接続中</translation>
    </message>
    <message>
        <source>{n} sources</source>
        <translation>接続先 {n}</translation>
    </message>
    <message>
        <source>waiting {n}</source>
        <translation>送信待ち {n}</translation>
    </message>
    <message>
        <source>Attention {n}</source>
        <translation>要対応 {n}</translation>
    </message>
    <message>
        <source>Sign in</source>
        <translation>ログイン</translation>
    </message>
    <message>
        <source>sign-off in {n} s</source>
        <translation>{n} 秒後にログアウト</translation>
    </message>
    <message>
        <source>change your PIN</source>
        <translation>暗証番号の変更が必要</translation>
    </message>
</context>
<context>
    <name>HourTable</name>
    <message>
        <source>Hour</source>
        <translation>時間帯</translation>
    </message>
    <message>
        <source>Target</source>
        <translation>目標</translation>
    </message>
    <message>
        <source>Stopped</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Why</source>
        <translation>理由</translation>
    </message>
</context>
<context>
    <name>HoursPage</name>
    <message>
        <source>Now</source>
        <translation>現在</translation>
    </message>
    <message>
        <source>Is being loaded …</source>
        <translation>読み込んでいます …</translation>
    </message>
    <message>
        <source>The line has no shift now. Go back to the last one.</source>
        <translation>今は勤務帯外です。前の勤務帯へ戻れます。</translation>
    </message>
</context>
<context>
    <name>Identity</name>
    <message>
        <source>User ID, or scan the ID card</source>
        <translation>ユーザーコード(またはIDカード)</translation>
    </message>
    <message>
        <source>PIN or password</source>
        <translation>暗証番号・パスワード</translation>
    </message>
    <message>
        <source>ID card</source>
        <translation>IDカード</translation>
    </message>
    <message>
        <source>Card read</source>
        <translation>読取り済</translation>
    </message>
    <message>
        <source>Type the user ID instead</source>
        <translation>ユーザーコードを入力する</translation>
    </message>
</context>
<context>
    <name>ImportSheet</name>
    <message>
        <source>Choose a table</source>
        <translation>表の選択</translation>
    </message>
    <message>
        <source>An empty table is in {path}</source>
        <translation>空の表を {path} に出力しました</translation>
    </message>
    <message>
        <source>Work orders</source>
        <translation>作業指示</translation>
    </message>
    <message>
        <source>Products</source>
        <translation>製品</translation>
    </message>
    <message>
        <source>Calendar days</source>
        <translation>稼働日の例外</translation>
    </message>
    <message>
        <source>Import a table</source>
        <translation>表の取込み</translation>
    </message>
    <message>
        <source>Take it</source>
        <translation>取り込む</translation>
    </message>
    <message>
        <source>Choose a file …</source>
        <translation>ファイルを選ぶ …</translation>
    </message>
    <message>
        <source>Empty table</source>
        <translation>空の表</translation>
    </message>
    <message>
        <source>Holidays and other days that are not as the calendar says; shifts and breaks stand in the site file.</source>
        <translation>休日など、カレンダーと異なる日を取り込みます。勤務帯と休憩はサイトファイルで決めます。</translation>
    </message>
    <message>
        <source>CSV or XLSX, the heading in the first row. Nothing is written before you confirm.</source>
        <translation>CSV または XLSX、1行目が見出し。確定するまで何も登録しません。</translation>
    </message>
    <message>
        <source>{file}: {n} cells must be corrected first; nothing was written</source>
        <translation>{file}: {n} 件のセルを直してください。何も登録していません</translation>
    </message>
    <message>
        <source>{file}: {new} new, {changed} changed, {same} as they are</source>
        <translation>{file}: 新規 {new}、変更 {changed}、変更なし {same}</translation>
    </message>
    <message>
        <source>Cell</source>
        <translation>セル</translation>
    </message>
    <message>
        <source>What is wrong</source>
        <translation>誤りの内容</translation>
    </message>
    <message>
        <source>What to do</source>
        <translation>対処</translation>
    </message>
    <message>
        <source>Row</source>
        <translation>行</translation>
    </message>
    <message>
        <source>Number or code</source>
        <translation type="vanished">番号・コード</translation>
    </message>
    <message>
        <source>What happens</source>
        <translation>処理</translation>
    </message>
    <message>
        <source>What changes</source>
        <translation>変更項目</translation>
    </message>
    <message>
        <source>Number, code or day</source>
        <translation>番号・コード・日</translation>
    </message>
    <message>
        <source>No file is chosen.</source>
        <translation>ファイルが選ばれていません。</translation>
    </message>
    <message>
        <source>What it would do is shown here first.</source>
        <translation>取り込む内容を先にここに表示します。</translation>
    </message>
    <message>
        <source>new</source>
        <translation>新規</translation>
    </message>
    <message>
        <source>changed</source>
        <translation>変更</translation>
    </message>
    <message>
        <source>as it is</source>
        <translation>変更なし</translation>
    </message>
    <message>
        <source>{new} new, {changed} changed</source>
        <translation>新規 {new} 件、変更 {changed} 件を取り込みました</translation>
    </message>
</context>
<context>
    <name>Keyboard</name>
    <message>
        <source>Nothing was typed yet.</source>
        <translation>まだ入力されていません。</translation>
    </message>
    <message>
        <source>Type the text, then Enter.</source>
        <translation>文字を入力し、「入力」を押してください。</translation>
    </message>
    <message>
        <source>Nothing was changed.</source>
        <translation>何も変更していません。</translation>
    </message>
    <message>
        <source>Space</source>
        <translation>空白</translation>
    </message>
    <message>
        <source>Capital letters</source>
        <translation>大文字</translation>
    </message>
</context>
<context>
    <name>LineTile</name>
    <message>
        <source>No order</source>
        <translation>作業指示なし</translation>
    </message>
    <message>
        <source>waiting</source>
        <translation>送信待ち</translation>
    </message>
    <message>
        <source>Stop reason missing</source>
        <translation>停止理由 未登録</translation>
    </message>
    <message>
        <source>vs target now</source>
        <translation>現在目標との差</translation>
    </message>
</context>
<context>
    <name>LinesPanel</name>
    <message>
        <source>{line} detail</source>
        <translation>{line} 詳細</translation>
    </message>
    <message>
        <source>Stops</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Report quantity</source>
        <translation>実績入力</translation>
    </message>
    <message>
        <source>Pause order</source>
        <translation>一時停止</translation>
    </message>
    <message>
        <source>Resume order</source>
        <translation>作業再開</translation>
    </message>
</context>
<context>
    <name>ListPage</name>
    <message>
        <source>Nothing to show.</source>
        <translation>表示するものがありません。</translation>
    </message>
    <message>
        <source>Is being loaded …</source>
        <translation>読み込んでいます…</translation>
    </message>
    <message>
        <source>{n} entries</source>
        <translation>{n} 件</translation>
    </message>
    <message>
        <source>You have no right to see this.</source>
        <translation>この画面を見る権限がありません。</translation>
    </message>
    <message>
        <source>These roles may: {roles}</source>
        <translation>見られる役割: {roles}</translation>
    </message>
</context>
<context>
    <name>MachineCard</name>
    <message>
        <source>Cannot be written now: {tags}. Reason: {reasons}</source>
        <translation>いまは書き込めません:{tags}。理由:{reasons}</translation>
    </message>
    <message>
        <source>“{interlock}” is OFF</source>
        <translation>「{interlock}」が OFF</translation>
    </message>
    <message>
        <source>the state of “{interlock}” is not known</source>
        <translation>「{interlock}」の状態が不明</translation>
    </message>
    <message>
        <source>No values yet. Give this machine rows in tags.csv.</source>
        <translation>値はまだありません。tags.csv にこの設備の行を追加してください。</translation>
    </message>
    <message>
        <source>No stop is recorded.</source>
        <translation>停止の記録はありません。</translation>
    </message>
    <message>
        <source>Last stops:  {stops}</source>
        <translation>最近の停止:  {stops}</translation>
    </message>
    <message>
        <source>{time} {why} (now)</source>
        <translation>{time} {why}(継続中)</translation>
    </message>
</context>
<context>
    <name>MachinesView</name>
    <message>
        <source>Line</source>
        <translation>ライン</translation>
    </message>
    <message>
        <source>Choose a line</source>
        <translation>ラインを選ぶ</translation>
    </message>
    <message>
        <source>Values: {n}</source>
        <translation>値 {n} 件</translation>
    </message>
    <message>
        <source>Change a setpoint</source>
        <translation>設定値の変更</translation>
    </message>
    <message>
        <source>Enter values</source>
        <translation>値の入力</translation>
    </message>
    <message>
        <source>Setpoint</source>
        <translation>設定値</translation>
    </message>
    <message>
        <source>{tag}: entered</source>
        <translation>{tag}:入力しました</translation>
    </message>
    <message>
        <source>Machine</source>
        <translation>設備</translation>
    </message>
    <message>
        <source>No machines yet.</source>
        <translation>設備はまだありません。</translation>
    </message>
    <message>
        <source>Apply a site file with: genba site apply FILE</source>
        <translation>サイトファイルを適用してください: genba site apply FILE</translation>
    </message>
    <message>
        <source>Machines are being loaded …</source>
        <translation>設備を読み込んでいます …</translation>
    </message>
</context>
<context>
    <name>ManualEntry</name>
    <message>
        <source>Enter: {tag}</source>
        <translation>入力:{tag}</translation>
    </message>
    <message>
        <source>OFF</source>
        <translation>OFF</translation>
    </message>
    <message>
        <source>ON</source>
        <translation>ON</translation>
    </message>
    <message>
        <source>Allowed: {low} to {high} {unit}</source>
        <translation>許容範囲 {low} ～ {high} {unit}</translation>
    </message>
</context>
<context>
    <name>NumericKeypad</name>
    <message>
        <source>{low} or more</source>
        <translation>{low} 以上</translation>
    </message>
    <message>
        <source>{high} or less</source>
        <translation>{high} 以下</translation>
    </message>
    <message>
        <source>{low} to {high}</source>
        <translation>{low} ～ {high}</translation>
    </message>
    <message>
        <source>The number is too short.</source>
        <translation>桁数が足りません。</translation>
    </message>
    <message>
        <source>Type all digits, then Enter.</source>
        <translation>すべての桁を入力し、「入力」を押してください。</translation>
    </message>
    <message>
        <source>Nothing was sent.</source>
        <translation>何も送信していません。</translation>
    </message>
    <message>
        <source>Nothing was typed yet.</source>
        <translation>まだ入力されていません。</translation>
    </message>
    <message>
        <source>{value} cannot be entered here.</source>
        <translation>{value} は入力できません。</translation>
    </message>
    <message>
        <source>Type a number: {range}.</source>
        <translation>数値を入力してください：{range}</translation>
    </message>
    <message>
        <source>Type a number.</source>
        <translation>数値を入力してください。</translation>
    </message>
    <message>
        <source>Nothing was changed.</source>
        <translation>何も変更していません。</translation>
    </message>
    <message>
        <source>Allowed: {range}</source>
        <translation>範囲：{range}</translation>
    </message>
    <message>
        <source>Until now: {value}</source>
        <translation>現在値：{value}</translation>
    </message>
</context>
<context>
    <name>Options</name>
    <message>
        <source>Nothing is chosen yet.</source>
        <translation>まだ選択されていません。</translation>
    </message>
    <message>
        <source>Touch one of them.</source>
        <translation>いずれかを選んでください。</translation>
    </message>
    <message>
        <source>What you entered is kept.</source>
        <translation>入力した内容は残っています。</translation>
    </message>
</context>
<context>
    <name>OrderFacts</name>
    <message>
        <source>Good / planned</source>
        <translation>良品／計画</translation>
    </message>
    <message>
        <source>Machine count</source>
        <translation>設備カウント</translation>
    </message>
    <message>
        <source>Scrap</source>
        <translation>廃却</translation>
    </message>
    <message>
        <source>Started</source>
        <translation>開始</translation>
    </message>
    <message>
        <source>Ended</source>
        <translation>終了</translation>
    </message>
    <message>
        <source>Expected finish</source>
        <translation>完了見込み</translation>
    </message>
    <message>
        <source>Decided here, waiting for the database</source>
        <translation>この端末で決定済み、データベースの復帰待ち</translation>
    </message>
</context>
<context>
    <name>OrderFormSheet</name>
    <message>
        <source>Create order</source>
        <translation>作業指示を作成</translation>
    </message>
    <message>
        <source>Order number (starts with WO)</source>
        <translation>作業指示番号（WOで始まる）</translation>
    </message>
    <message>
        <source>Product</source>
        <translation>品名</translation>
    </message>
    <message>
        <source>Line</source>
        <translation>ライン</translation>
    </message>
    <message>
        <source>Planned quantity</source>
        <translation>計画数</translation>
    </message>
    <message>
        <source>Priority (1 high … 10)</source>
        <translation>優先度（1 高 … 10）</translation>
    </message>
    <message>
        <source>Start (YYYY-MM-DD hh:mm)</source>
        <translation>開始 (YYYY-MM-DD hh:mm)</translation>
    </message>
    <message>
        <source>End (YYYY-MM-DD hh:mm)</source>
        <translation>終了 (YYYY-MM-DD hh:mm)</translation>
    </message>
    <message>
        <source>{number} created</source>
        <translation>{number} を作成しました</translation>
    </message>
</context>
<context>
    <name>OrderLines</name>
    <message>
        <source>State</source>
        <translation>状態</translation>
    </message>
    <message>
        <source>Planned</source>
        <translation>計画</translation>
    </message>
    <message>
        <source>Good</source>
        <translation>良品</translation>
    </message>
    <message>
        <source>Scrap</source>
        <translation>廃却</translation>
    </message>
    <message>
        <source>Rework</source>
        <translation>手直し</translation>
    </message>
    <message>
        <source>Priority</source>
        <translation>優先度</translation>
    </message>
    <message>
        <source>Start</source>
        <translation>開始</translation>
    </message>
    <message>
        <source>Due</source>
        <translation>納期</translation>
    </message>
    <message>
        <source>Note</source>
        <translation>備考</translation>
    </message>
    <message>
        <source>Reason</source>
        <translation>理由</translation>
    </message>
</context>
<context>
    <name>OrderTable</name>
    <message>
        <source>Order</source>
        <translation>作業指示</translation>
    </message>
    <message>
        <source>Status</source>
        <translation>状態</translation>
    </message>
    <message>
        <source>Line</source>
        <translation>ライン</translation>
    </message>
    <message>
        <source>Product</source>
        <translation>品名</translation>
    </message>
    <message>
        <source>Good / planned</source>
        <translation>良品／計画</translation>
    </message>
    <message>
        <source>Due</source>
        <translation>納期</translation>
    </message>
    <message>
        <source>No orders here.</source>
        <translation>ここに作業指示はありません。</translation>
    </message>
    <message>
        <source>Create one with the button below, or look at the other list.</source>
        <translation>下のボタンで作成するか、もう一方の一覧を見てください。</translation>
    </message>
    <message>
        <source>The orders are not known.</source>
        <translation>作業指示を表示できません。</translation>
    </message>
    <message>
        <source>They are shown as soon as the database answers.</source>
        <translation>データベースにつながり次第、表示します。</translation>
    </message>
    <message>
        <source>Orders are being loaded …</source>
        <translation>作業指示を読み込んでいます…</translation>
    </message>
    <message>
        <source>waiting</source>
        <translation>送信待ち</translation>
    </message>
    <message>
        <source>priority {n}</source>
        <translation>優先度 {n}</translation>
    </message>
</context>
<context>
    <name>OrdersPanel</name>
    <message>
        <source>Unassigned</source>
        <translation>未振替</translation>
    </message>
    <message>
        <source>Open orders</source>
        <translation>未完了</translation>
    </message>
    <message>
        <source>Finished</source>
        <translation>完了済</translation>
    </message>
    <message>
        <source>All lines</source>
        <translation>全ライン</translation>
    </message>
    <message>
        <source>Assign to an order</source>
        <translation>作業指示へ振替</translation>
    </message>
</context>
<context>
    <name>OverviewView</name>
    <message>
        <source>No lines yet. Apply a site file with: genba site apply FILE</source>
        <translation>ラインがありません。サイトファイルを適用してください：genba site apply FILE</translation>
    </message>
    <message>
        <source>The lines are not known. They are shown as soon as the database answers.</source>
        <translation>ラインを表示できません。データベースにつながり次第、表示します。</translation>
    </message>
    <message>
        <source>Lines are being loaded …</source>
        <translation>ラインを読み込んでいます…</translation>
    </message>
</context>
<context>
    <name>People</name>
    <message>
        <source>Signed off. The unfinished entry is kept.</source>
        <translation>ログアウトしました。入力途中の内容は残してあります。</translation>
    </message>
    <message>
        <source>Your unfinished entry is back.</source>
        <translation>入力途中の内容を元に戻しました。</translation>
    </message>
    <message>
        <source>Also signed in at {stations}.</source>
        <translation>{stations} でもログイン中です。</translation>
    </message>
    <message>
        <source>Signed in without the database, until {time}.</source>
        <translation>データベース切断中のログインです({time} まで有効)。</translation>
    </message>
</context>
<context>
    <name>PeopleForms</name>
    <message>
        <source>User ID</source>
        <translation>ユーザーID</translation>
    </message>
    <message>
        <source>First PIN or password</source>
        <translation>最初の暗証番号またはパスワード</translation>
    </message>
    <message>
        <source>Name in Japanese</source>
        <translation>氏名（日本語）</translation>
    </message>
    <message>
        <source>Name in English</source>
        <translation>氏名（英語）</translation>
    </message>
    <message>
        <source>Roles</source>
        <translation>役割</translation>
    </message>
    <message>
        <source>Add user</source>
        <translation>ユーザー登録</translation>
    </message>
    <message>
        <source>The person changes this PIN at the first sign-in.</source>
        <translation>この暗証番号は、本人が初回ログイン時に変更します。</translation>
    </message>
    <message>
        <source>The user was added.</source>
        <translation>ユーザーを登録しました。</translation>
    </message>
    <message>
        <source>The roles were changed.</source>
        <translation>役割を変更しました。</translation>
    </message>
    <message>
        <source>Change roles</source>
        <translation>役割の変更</translation>
    </message>
    <message>
        <source>New PIN or password</source>
        <translation>新しい暗証番号またはパスワード</translation>
    </message>
    <message>
        <source>A lock is lifted, open sessions end, and the person changes this PIN at the next sign-in.</source>
        <translation>ロックを解除し、ログイン中の端末からログアウトします。本人が次のログイン時に変更します。</translation>
    </message>
    <message>
        <source>The PIN was set.</source>
        <translation>暗証番号を設定しました。</translation>
    </message>
    <message>
        <source>New PIN</source>
        <translation>暗証番号</translation>
    </message>
    <message>
        <source>…{label} was lost or taken back (given {at})</source>
        <translation>…{label} の紛失・返却（登録 {at}）</translation>
    </message>
    <message>
        <source>Register another card</source>
        <translation>別のカードを登録</translation>
    </message>
    <message>
        <source>ID cards of {user}</source>
        <translation>{user} のIDカード</translation>
    </message>
    <message>
        <source>Hold the card to the reader, or type its number</source>
        <translation>カードをリーダーにかざすか、番号を入力</translation>
    </message>
    <message>
        <source>The card was registered.</source>
        <translation>IDカードを登録しました。</translation>
    </message>
    <message>
        <source>Register ID card</source>
        <translation>IDカードの登録</translation>
    </message>
    <message>
        <source>ID card …{label}: it opens nothing any more, and the person is signed off everywhere.</source>
        <translation>IDカード …{label}: このカードは使えなくなり、本人はすべての端末からログアウトします。</translation>
    </message>
    <message>
        <source>The card was blocked.</source>
        <translation>IDカードを使用停止にしました。</translation>
    </message>
    <message>
        <source>Block ID card</source>
        <translation>カードの使用停止</translation>
    </message>
    <message>
        <source>{user} is signed off at: {places}. This station stays as it is.</source>
        <translation>{user} を次の端末からログアウトします: {places}。この端末はそのままです。</translation>
    </message>
    <message>
        <source>Signed off.</source>
        <translation>ログアウトしました。</translation>
    </message>
    <message>
        <source>Sign off everywhere</source>
        <translation>強制ログアウト</translation>
    </message>
    <message>
        <source>Take access away</source>
        <translation>利用停止</translation>
    </message>
    <message>
        <source>{user}: open sessions end at once. What the person did stays in the trail.</source>
        <translation>{user}: ログイン中の端末から直ちにログアウトします。これまでの記録は監査証跡に残ります。</translation>
    </message>
    <message>
        <source>Access was taken away.</source>
        <translation>利用を停止しました。</translation>
    </message>
    <message>
        <source>Give access back</source>
        <translation>利用再開</translation>
    </message>
    <message>
        <source>{user}: with the roles, the PIN and the cards of before.</source>
        <translation>{user}: 以前の役割・暗証番号・カードのまま利用を再開します。</translation>
    </message>
    <message>
        <source>Access was given back.</source>
        <translation>利用を再開しました。</translation>
    </message>
</context>
<context>
    <name>PeoplePage</name>
    <message>
        <source>User</source>
        <translation>ユーザー</translation>
    </message>
    <message>
        <source>Roles</source>
        <translation>役割</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状態</translation>
    </message>
    <message>
        <source>ID card</source>
        <translation>IDカード</translation>
    </message>
    <message>
        <source>Signed in at</source>
        <translation>ログイン中の端末</translation>
    </message>
    <message>
        <source>Nobody is called like that.</source>
        <translation>該当するユーザーはいません。</translation>
    </message>
    <message>
        <source>Shorten the search.</source>
        <translation>検索語を短くしてください。</translation>
    </message>
    <message>
        <source>There are no users yet.</source>
        <translation>ユーザーはまだ登録されていません。</translation>
    </message>
    <message>
        <source>Add one, or let the site file bring them.</source>
        <translation>登録するか、サイト定義から取り込んでください。</translation>
    </message>
    <message>
        <source>may sign in</source>
        <translation>ログイン可</translation>
    </message>
    <message>
        <source>no access</source>
        <translation>利用停止</translation>
    </message>
    <message>
        <source>Signed in at several stations. Whoever it is not should be signed off.</source>
        <translation>複数の端末でログイン中です。本人でない端末があればログアウトさせてください。</translation>
    </message>
    <message>
        <source>{station}: signed in since {begun}, until {end}</source>
        <translation>{station}: {begun} からログイン中（{end} まで）</translation>
    </message>
    <message>
        <source> (without the database)</source>
        <translation>（切断中のログイン）</translation>
    </message>
    <message>
        <source>ID card …{label} blocked {at}: {reason}</source>
        <translation>IDカード …{label} 使用停止 {at}: {reason}</translation>
    </message>
    <message>
        <source>Part of the name or the user ID</source>
        <translation>氏名またはユーザーIDの一部</translation>
    </message>
    <message>
        <source>Add user</source>
        <translation>ユーザー登録</translation>
    </message>
    <message>
        <source>retired</source>
        <translation>定義なし</translation>
    </message>
    <message>
        <source>Sign off everywhere</source>
        <translation>強制ログアウト</translation>
    </message>
    <message>
        <source>Take access away</source>
        <translation>利用停止</translation>
    </message>
    <message>
        <source>Give access back</source>
        <translation>利用再開</translation>
    </message>
    <message>
        <source>New PIN</source>
        <translation>暗証番号の再設定</translation>
    </message>
</context>
<context>
    <name>PerformancePage</name>
    <message>
        <source>all lines</source>
        <translation>全ライン</translation>
    </message>
    <message>
        <source>Line: {name}</source>
        <translation>ライン: {name}</translation>
    </message>
    <message>
        <source>Line</source>
        <translation>ライン</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>今日</translation>
    </message>
    <message>
        <source>24 h</source>
        <translation>24 時間</translation>
    </message>
    <message>
        <source>7 days</source>
        <translation>7 日</translation>
    </message>
    <message>
        <source>30 days</source>
        <translation>30 日</translation>
    </message>
    <message>
        <source>90 days</source>
        <translation>90 日</translation>
    </message>
    <message>
        <source>Stops by reason</source>
        <translation>理由別の停止</translation>
    </message>
    <message>
        <source>Nothing was recorded in this range.</source>
        <translation>この期間の記録はありません。</translation>
    </message>
    <message>
        <source>No stop in this range.</source>
        <translation>この期間の停止はありません。</translation>
    </message>
    <message>
        <source>Good / scrap / rework</source>
        <translation>良品 / 廃却 / 手直し</translation>
    </message>
</context>
<context>
    <name>PlacesForms</name>
    <message>
        <source>nobody</source>
        <translation>不可</translation>
    </message>
    <message>
        <source>for {hours} h</source>
        <translation>{hours} 時間</translation>
    </message>
    <message>
        <source>Without the database only people sign in who did so at this station before, within the hours chosen.
The risk that remains: whoever steals this computer&apos;s disk can try PINs there and nobody counts them. At half a second each, six digits last about six days on one processor core and less on several. A lost computer: revoke its log-in and give new PINs.
What is decided meanwhile is sealed, and checked when the database is back.</source>
        <translation>切断中は、選んだ時間内にこの端末でログインしたことのある人だけがログインできます。
残る危険: この端末のディスクを盗んだ人は、回数を数えられずに暗証番号を試せます。1 回約 0.5 秒なので、6 桁なら 1 コアで約 6 日、複数のコアならもっと短時間です。端末を失ったときは、そのログイン名を取り消し、暗証番号を再設定してください。
切断中に決めたことは封印され、復旧後に検証されます。</translation>
    </message>
    <message>
        <source>Who signed in here may do so again without the database</source>
        <translation>この端末でログインした人が、切断中に再びログインできる時間</translation>
    </message>
    <message>
        <source>Sign-in without database</source>
        <translation>切断中のログイン</translation>
    </message>
    <message>
        <source>The setting was changed.</source>
        <translation>設定を変更しました。</translation>
    </message>
    <message>
        <source>Fewest digits of a PIN</source>
        <translation>暗証番号の最小桁数</translation>
    </message>
    <message>
        <source>Change PINs after (days, 0: never)</source>
        <translation>変更期限（日、0: なし）</translation>
    </message>
    <message>
        <source>A sign-in ends after (h)</source>
        <translation>ログインの有効時間（h）</translation>
    </message>
    <message>
        <source>Wrong tries until a person is locked</source>
        <translation>本人がロックされる失敗回数</translation>
    </message>
    <message>
        <source>Wrong tries until a station is locked</source>
        <translation>端末がロックされる失敗回数</translation>
    </message>
    <message>
        <source>First lock (min, then doubled)</source>
        <translation>最初のロック時間（分、以後2倍）</translation>
    </message>
    <message>
        <source>Sign-in rules</source>
        <translation>ログイン規則</translation>
    </message>
    <message>
        <source>The rules were changed.</source>
        <translation>ログイン規則を変更しました。</translation>
    </message>
</context>
<context>
    <name>PulseMark</name>
    <message>
        <source>alive</source>
        <translation>動作中</translation>
    </message>
    <message>
        <source>stands still</source>
        <translation>停止中</translation>
    </message>
</context>
<context>
    <name>QueueSheet</name>
    <message>
        <source>Queue of line {line}</source>
        <translation>ライン {line} の投入順</translation>
    </message>
    <message>
        <source>Place</source>
        <translation>場所</translation>
    </message>
    <message>
        <source>Order</source>
        <translation>作業指示</translation>
    </message>
    <message>
        <source>Product</source>
        <translation>製品</translation>
    </message>
    <message>
        <source>Planned</source>
        <translation>計画</translation>
    </message>
    <message>
        <source>Due</source>
        <translation>納期</translation>
    </message>
    <message>
        <source>Nothing waits on this line.</source>
        <translation>このラインの投入待ちはありません。</translation>
    </message>
    <message>
        <source>Release an order first.</source>
        <translation>先に指示を発行してください。</translation>
    </message>
    <message>
        <source>priority {n}</source>
        <translation>優先度 {n}</translation>
    </message>
</context>
<context>
    <name>Rail</name>
    <message>
        <source>Lock</source>
        <translation>ロック</translation>
    </message>
</context>
<context>
    <name>ReadWords</name>
    <message>
        <source>every {every} s</source>
        <translation>{every} 秒ごと</translation>
    </message>
    <message>
        <source>unit {unit}</source>
        <translation>局番 {unit}</translation>
    </message>
    <message>
        <source>packet of {packet} tags</source>
        <translation>タグ {packet} 件をまとめて</translation>
    </message>
    <message>
        <source>with {more} more in the same node</source>
        <translation>同じノードの {more} 件と一緒に</translation>
    </message>
    <message>
        <source>subscription</source>
        <translation>購読</translation>
    </message>
    <message>
        <source>edge node {node}</source>
        <translation>エッジノード {node}</translation>
    </message>
    <message>
        <source>device {device}</source>
        <translation>デバイス {device}</translation>
    </message>
    <message>
        <source>topic {topic}</source>
        <translation>トピック {topic}</translation>
    </message>
    <message>
        <source>{first} to {last}</source>
        <translation>{first}～{last}</translation>
    </message>
</context>
<context>
    <name>ReadingForm</name>
    <message>
        <source>Start</source>
        <translation>開始</translation>
    </message>
    <message>
        <source>End</source>
        <translation>終了</translation>
    </message>
    <message>
        <source>Counter</source>
        <translation>カウンタ</translation>
    </message>
    <message>
        <source>Read at</source>
        <translation>読取り時点</translation>
    </message>
    <message>
        <source>It shows</source>
        <translation>表示値</translation>
    </message>
</context>
<context>
    <name>ReportSheet</name>
    <message>
        <source>Report quantity  {number}</source>
        <translation>実績入力  {number}</translation>
    </message>
    <message>
        <source>Machine counted: good {good}, reject {reject}. Reported so far: good {done}, scrap {scrap}.</source>
        <translation>設備カウント：良品 {good}、不良 {reject}。報告済：良品 {done}、廃却 {scrap}。</translation>
    </message>
    <message>
        <source>Good</source>
        <translation>良品</translation>
    </message>
    <message>
        <source>Scrap</source>
        <translation>廃却</translation>
    </message>
    <message>
        <source>Rework</source>
        <translation>手直し</translation>
    </message>
    <message>
        <source>Why is it not what the machine counted?</source>
        <translation>機械の計数と異なる理由</translation>
    </message>
    <message>
        <source>Why is it scrap?</source>
        <translation>廃却の理由</translation>
    </message>
    <message>
        <source>More codes</source>
        <translation>ほかのコード</translation>
    </message>
    <message>
        <source>As counted: {counted}</source>
        <translation>計数どおり: {counted}</translation>
    </message>
    <message>
        <source>Counted {counted}, difference {apart}</source>
        <translation>計数 {counted}、差異 {apart}</translation>
    </message>
    <message>
        <source>Good {before} → {after} of {planned}</source>
        <translation>良品 {before} → {after} ／計画 {planned}</translation>
    </message>
    <message>
        <source>{line}: good {good}, scrap {scrap} booked without an order; a supervisor assigns them</source>
        <translation>{line}: 良品 {good}、廃却 {scrap} を作業指示なしで登録しました。職長が振り替えます</translation>
    </message>
    <message>
        <source>{number}: good {good} of {planned}</source>
        <translation>{number}：良品 {good} ／計画 {planned}</translation>
    </message>
    <message>
        <source>{words}, kept here until the database is back</source>
        <translation>{words}（データベース復帰までこの端末に保存）</translation>
    </message>
</context>
<context>
    <name>ReviseSheet</name>
    <message>
        <source>{number}: planned {planned}, good reported {completed}. It cannot be less than that.</source>
        <translation>{number}: 計画 {planned}、報告済み良品 {completed}。これより少なくはできません。</translation>
    </message>
    <message>
        <source>Planned</source>
        <translation>計画</translation>
    </message>
    <message>
        <source>Reason</source>
        <translation>理由</translation>
    </message>
    <message>
        <source>1 is the most urgent</source>
        <translation>1 が最優先</translation>
    </message>
</context>
<context>
    <name>RightsPage</name>
    <message>
        <source>On all lines</source>
        <translation>全ライン</translation>
    </message>
    <message>
        <source>On line {line}</source>
        <translation>ライン {line}</translation>
    </message>
    <message>
        <source>site&apos;s rule</source>
        <translation>サイトの規則</translation>
    </message>
    <message>
        <source>line&apos;s rule</source>
        <translation>ラインの規則</translation>
    </message>
    <message>
        <source>yes</source>
        <translation>可</translation>
    </message>
    <message>
        <source>no</source>
        <translation>不可</translation>
    </message>
    <message>
        <source>{role}: {state}, but decided otherwise on {lines}</source>
        <translation>{role}: {state}（{lines} は別の決定）</translation>
    </message>
    <message>
        <source>Touch the cell of a role to change it.</source>
        <translation>役割の欄に触れると変更できます。</translation>
    </message>
    <message>
        <source>Choose a line</source>
        <translation>ラインを選ぶ</translation>
    </message>
    <message>
        <source>as the program declares: yes</source>
        <translation>標準どおり: 可</translation>
    </message>
    <message>
        <source>as the program declares: no</source>
        <translation>標準どおり: 不可</translation>
    </message>
    <message>
        <source>line {line} only</source>
        <translation>ライン {line} のみ</translation>
    </message>
    <message>
        <source>Counts for</source>
        <translation>適用範囲</translation>
    </message>
    <message>
        <source>all lines</source>
        <translation>全ライン</translation>
    </message>
    <message>
        <source>Line: {line}</source>
        <translation>ライン: {line}</translation>
    </message>
    <message>
        <source>All lines</source>
        <translation>全ライン</translation>
    </message>
    <message>
        <source>Line</source>
        <translation>ライン</translation>
    </message>
    <message>
        <source>Decision</source>
        <translation>決定</translation>
    </message>
    <message>
        <source>{role}: {what}. {place} now: {state}. A change counts at once; screens offer it after the next sign-in.</source>
        <translation>{role}: {what}。{place} 現在: {state}。変更は直ちに有効です。画面には次のログインから表示されます。</translation>
    </message>
    <message>
        <source>Change a right</source>
        <translation>権限の変更</translation>
    </message>
    <message>
        <source>The right was changed.</source>
        <translation>権限を変更しました。</translation>
    </message>
</context>
<context>
    <name>SecretSheet</name>
    <message>
        <source>Again in {n} s</source>
        <translation>あと {n} 秒</translation>
    </message>
</context>
<context>
    <name>SetpointSheet</name>
    <message>
        <source>ON</source>
        <translation>ON</translation>
    </message>
    <message>
        <source>OFF</source>
        <translation>OFF</translation>
    </message>
    <message>
        <source>Write: {tag}</source>
        <translation>書込み:{tag}</translation>
    </message>
    <message>
        <source>Other value</source>
        <translation>値を入力し直す</translation>
    </message>
    <message>
        <source>New text</source>
        <translation>新しい文字列</translation>
    </message>
    <message>
        <source>Reason</source>
        <translation>理由</translation>
    </message>
    <message>
        <source>Put back {value}</source>
        <translation>{value} に戻す</translation>
    </message>
    <message>
        <source>by {name}</source>
        <translation>操作者 {name}</translation>
    </message>
    <message>
        <source>Confirmed: the machine itself says {value} ({seconds} s).</source>
        <translation>確認済:設備側の値は {value} です({seconds} 秒)。</translation>
    </message>
    <message>
        <source>Allowed: {low} to {high}</source>
        <translation>許容範囲 {low} ～ {high}</translation>
    </message>
    <message>
        <source>Cannot be written: the state of “{interlock}” is not known.</source>
        <translation>書き込めません:「{interlock}」の状態が不明です。</translation>
    </message>
    <message>
        <source>Cannot be written: “{interlock}” is OFF.</source>
        <translation>書き込めません:「{interlock}」が OFF です。</translation>
    </message>
    <message>
        <source>Permitted: “{interlock}” is ON.</source>
        <translation>書込み可:「{interlock}」が ON です。</translation>
    </message>
    <message>
        <source>The value was changed again since then.</source>
        <translation>その後、値は別に変更されました。</translation>
    </message>
    <message>
        <source>Nothing was typed yet.</source>
        <translation>まだ入力されていません。</translation>
    </message>
    <message>
        <source>Enter the new value.</source>
        <translation>新しい値を入力してください。</translation>
    </message>
    <message>
        <source>Nothing was sent.</source>
        <translation>何も送っていません。</translation>
    </message>
    <message>
        <source>{tag}: {old} → {new}, confirmed</source>
        <translation>{tag}:{old} → {new}(確認済)</translation>
    </message>
    <message>
        <source>{tag}: {value} put back, confirmed</source>
        <translation>{tag}:{value} に戻しました(確認済)</translation>
    </message>
</context>
<context>
    <name>SignInSheet</name>
    <message>
        <source>Change PIN</source>
        <translation>暗証番号の変更</translation>
    </message>
</context>
<context>
    <name>SignatureSheet</name>
    <message>
        <source>Meaning</source>
        <translation>署名の意味</translation>
    </message>
    <message>
        <source>Signed by</source>
        <translation>署名者</translation>
    </message>
    <message>
        <source>Date and time</source>
        <translation>日時</translation>
    </message>
    <message>
        <source>owner of the ID card</source>
        <translation>IDカードの持ち主</translation>
    </message>
</context>
<context>
    <name>SimulatedTag</name>
    <message>
        <source>SIM</source>
        <translation>模擬</translation>
    </message>
</context>
<context>
    <name>StationsPage</name>
    <message>
        <source>Station</source>
        <translation>端末</translation>
    </message>
    <message>
        <source>Signed in</source>
        <translation>ログイン中</translation>
    </message>
    <message>
        <source>Last seen</source>
        <translation>最終確認</translation>
    </message>
    <message>
        <source>Log-in</source>
        <translation>ログイン名</translation>
    </message>
    <message>
        <source>Without database</source>
        <translation>切断中</translation>
    </message>
    <message>
        <source>on this computer</source>
        <translation>端末内</translation>
    </message>
    <message>
        <source>not here</source>
        <translation>停止中</translation>
    </message>
    <message>
        <source>{n} waiting</source>
        <translation>待ち {n} 件</translation>
    </message>
    <message>
        <source>clock {by} s</source>
        <translation>時計 {by} 秒</translation>
    </message>
    <message>
        <source>notices {lag} s late</source>
        <translation>通知 {lag} 秒遅れ</translation>
    </message>
    <message>
        <source>not measured</source>
        <translation>未測定</translation>
    </message>
    <message>
        <source>Told at {at}. Waiting in its journal: {waiting}, for a person: {parked}.</source>
        <translation>{at} に通知。端末内の登録待ち {waiting} 件、要確認 {parked} 件。</translation>
    </message>
    <message>
        <source>Its clock is ahead of the database&apos;s by {by}; notices reach it after {lag}.</source>
        <translation>時計はデータベースより {by} 進んでいます。通知は {lag} で届きます。</translation>
    </message>
    <message>
        <source>{user}: signed in since {begun}, until {end}</source>
        <translation>{user}: {begun} からログイン中（{end} まで）</translation>
    </message>
    <message>
        <source> (without the database)</source>
        <translation>（切断中のログイン）</translation>
    </message>
    <message>
        <source>Sign-in rules</source>
        <translation>ログイン規則</translation>
    </message>
    <message>
        <source>Sign-in without database</source>
        <translation>切断中のログイン</translation>
    </message>
    <message>
        <source>No station has been seen yet.</source>
        <translation>端末はまだ確認されていません。</translation>
    </message>
    <message>
        <source>A station appears here when it has started.</source>
        <translation>端末を起動するとここに表示されます。</translation>
    </message>
    <message>
        <source>revoked</source>
        <translation>取消済み</translation>
    </message>
</context>
<context>
    <name>Stop</name>
    <message>
        <source>now</source>
        <translation>現在</translation>
    </message>
    <message>
        <source>by the machine</source>
        <translation>設備による</translation>
    </message>
</context>
<context>
    <name>StopReasonSheet</name>
    <message>
        <source>Frequent here</source>
        <translation>この設備で多い</translation>
    </message>
    <message>
        <source>Machine</source>
        <translation>設備</translation>
    </message>
    <message>
        <source>Setup</source>
        <translation>段取</translation>
    </message>
    <message>
        <source>Waiting</source>
        <translation>待ち</translation>
    </message>
    <message>
        <source>Planned</source>
        <translation>計画</translation>
    </message>
    <message>
        <source>Later</source>
        <translation>後で</translation>
    </message>
    <message>
        <source>Split here</source>
        <translation>ここで分割</translation>
    </message>
    <message>
        <source>Times</source>
        <translation>対応時刻</translation>
    </message>
    <message>
        <source>From this time on (hhmm)</source>
        <translation>この時刻から(時分)</translation>
    </message>
    <message>
        <source>{value} does not lie in this stop.</source>
        <translation>{value} はこの停止の中にありません。</translation>
    </message>
    <message>
        <source>Type a time inside {span}.</source>
        <translation>{span} の中の時刻を入力してください。</translation>
    </message>
    <message>
        <source>What you entered is kept.</source>
        <translation>入力した内容は残っています。</translation>
    </message>
    <message>
        <source>{words}, kept here until the database is back</source>
        <translation>{words}(データベース復旧まで端末に保管)</translation>
    </message>
</context>
<context>
    <name>StopTimesSheet</name>
    <message>
        <source>Now</source>
        <translation>今</translation>
    </message>
    <message>
        <source>Or at this time (hhmm)</source>
        <translation>または時刻(時分)</translation>
    </message>
    <message>
        <source>No time is typed.</source>
        <translation>時刻が入力されていません。</translation>
    </message>
    <message>
        <source>{value} lies not after the stop began.</source>
        <translation>{value} は停止開始より後ではありません。</translation>
    </message>
    <message>
        <source>Type a time inside {span}.</source>
        <translation>{span} の中の時刻を入力してください。</translation>
    </message>
    <message>
        <source>What you entered is kept.</source>
        <translation>入力した内容は残っています。</translation>
    </message>
    <message>
        <source>{words}, kept here until the database is back</source>
        <translation>{words}(データベース復旧まで端末に保管)</translation>
    </message>
</context>
<context>
    <name>StopsStrip</name>
    <message>
        <source>No stops in the last 24 hours</source>
        <translation>過去24時間に停止はありません</translation>
    </message>
</context>
<context>
    <name>TagBrowserView</name>
    <message>
        <source>Machine</source>
        <translation>設備</translation>
    </message>
    <message>
        <source>No machine</source>
        <translation>設備なし</translation>
    </message>
    <message>
        <source>{n} of {of} looked at</source>
        <translation>{of} 件中 {n} 件を確認</translation>
    </message>
    <message>
        <source>{n} of {of} entries</source>
        <translation>{of} 件中 {n} 件</translation>
    </message>
    <message>
        <source>{n} entries</source>
        <translation>{n} 件</translation>
    </message>
    <message>
        <source>Stop reading</source>
        <translation>読取りをやめる</translation>
    </message>
    <message>
        <source>Scan a range</source>
        <translation>範囲を調べる</translation>
    </message>
    <message>
        <source>Leave out</source>
        <translation>外す</translation>
    </message>
    <message>
        <source>Choose</source>
        <translation>選ぶ</translation>
    </message>
    <message>
        <source>Read as: {type}</source>
        <translation>型:{type}</translation>
    </message>
    <message>
        <source>Choose all here</source>
        <translation>この階層をすべて選ぶ</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名前</translation>
    </message>
    <message>
        <source>Type</source>
        <translation>型</translation>
    </message>
    <message>
        <source>For tags.csv</source>
        <translation>tags.csv</translation>
    </message>
</context>
<context>
    <name>TagPickSheet</name>
    <message>
        <source>Add a pen</source>
        <translation>ペンを追加</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>追加</translation>
    </message>
    <message>
        <source>Search by line, name or unit</source>
        <translation>ライン・名称・単位で検索</translation>
    </message>
    <message>
        <source>Place</source>
        <translation>場所</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名称</translation>
    </message>
    <message>
        <source>Unit</source>
        <translation>単位</translation>
    </message>
    <message>
        <source>Tag</source>
        <translation>タグ</translation>
    </message>
    <message>
        <source>No tag matches.</source>
        <translation>該当するタグがありません。</translation>
    </message>
    <message>
        <source>Shorten the search.</source>
        <translation>検索文字を短くしてください。</translation>
    </message>
</context>
<context>
    <name>TrailPage</name>
    <message>
        <source>Who</source>
        <translation>誰が</translation>
    </message>
    <message>
        <source>What</source>
        <translation>何を</translation>
    </message>
    <message>
        <source>From → to</source>
        <translation>変更前 → 変更後</translation>
    </message>
    <message>
        <source>Why</source>
        <translation>理由</translation>
    </message>
    <message>
        <source>Time (station)</source>
        <translation>時刻（端末）</translation>
    </message>
    <message>
        <source>Nothing was recorded that fits.</source>
        <translation>条件に合う記録はありません。</translation>
    </message>
    <message>
        <source>Take a longer period, another person or another object.</source>
        <translation>期間、人、対象を変えてください。</translation>
    </message>
    <message>
        <source>Chain {station}, row {seq}, SHA-256 {hash}…</source>
        <translation>連鎖 {station}、行 {seq}、SHA-256 {hash}…</translation>
    </message>
    <message>
        <source>Person: all</source>
        <translation>人: 全員</translation>
    </message>
    <message>
        <source>Object: all</source>
        <translation>対象: 全て</translation>
    </message>
    <message>
        <source>Order, user, product, tag … in full, or a part of the reason</source>
        <translation>作業指示・ユーザー・品目・タグなど（全体）、または理由の一部</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>今日</translation>
    </message>
    <message>
        <source>Last 8 h</source>
        <translation>直近 8 時間</translation>
    </message>
    <message>
        <source>Last 7 days</source>
        <translation>直近 7 日</translation>
    </message>
    <message>
        <source>All</source>
        <translation>すべて</translation>
    </message>
    <message>
        <source>everybody</source>
        <translation>全員</translation>
    </message>
    <message>
        <source>more than {n} entries</source>
        <translation>{n} 件以上</translation>
    </message>
    <message>
        <source>Signed by {name} ({code}), {at}: {meaning}</source>
        <translation>署名: {name}（{code}）{at} {meaning}</translation>
    </message>
    <message>
        <source>Authorised by {name} ({code})</source>
        <translation>許可: {name}（{code}）</translation>
    </message>
    <message>
        <source>Person: {name}</source>
        <translation>人: {name}</translation>
    </message>
    <message>
        <source>Person</source>
        <translation>人</translation>
    </message>
</context>
<context>
    <name>TrailSheets</name>
    <message>
        <source>{n} entries in {file}, key {key}</source>
        <translation>{file} に {n} 件を出力しました。鍵 {key}</translation>
    </message>
    <message>
        <source>What is in sight now, {count}, is written to {folder}, with a manifest, this station&apos;s signature and its public key. The trail notes that a copy was taken.</source>
        <translation>表示中の {count} を {folder} に出力します。目録、この端末の署名、公開鍵が付きます。出力したことは監査証跡に残ります。</translation>
    </message>
    <message>
        <source>Export a signed copy</source>
        <translation>署名付きの出力</translation>
    </message>
</context>
<context>
    <name>TrendPlot</name>
    <message>
        <source>Trend</source>
        <translation>トレンド</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>時刻</translation>
    </message>
    <message>
        <source>lowest</source>
        <translation>最小</translation>
    </message>
    <message>
        <source>highest</source>
        <translation>最大</translation>
    </message>
</context>
<context>
    <name>TrendsPanel</name>
    <message>
        <source>Add pen</source>
        <translation>ペン追加</translation>
    </message>
    <message>
        <source>Remove pen</source>
        <translation>ペン削除</translation>
    </message>
    <message>
        <source>Continue</source>
        <translation>再開</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>一時停止</translation>
    </message>
    <message>
        <source>Range: {n} min</source>
        <translation>範囲：{n} 分</translation>
    </message>
    <message>
        <source>Touch the plot to read values at a time.</source>
        <translation>グラフに触れると、その時刻の値を表示します。</translation>
    </message>
    <message>
        <source>Cursor {time}</source>
        <translation>カーソル {time}</translation>
    </message>
</context>
<context>
    <name>Trial</name>
    <message>
        <source>Read as</source>
        <translation>読取りの型</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>アドレス</translation>
    </message>
    <message>
        <source>Type at the machine</source>
        <translation>設備側の型</translation>
    </message>
    <message>
        <source>Row for tags.csv</source>
        <translation>tags.csv の行</translation>
    </message>
    <message>
        <source>ON</source>
        <translation>ON</translation>
    </message>
    <message>
        <source>OFF</source>
        <translation>OFF</translation>
    </message>
    <message>
        <source>is being read …</source>
        <translation>読んでいます …</translation>
    </message>
    <message>
        <source>read once a second while you look at it</source>
        <translation>表示中は毎秒読み取り</translation>
    </message>
</context>
<context>
    <name>UnassignedView</name>
    <message>
        <source>Made</source>
        <translation>生産日時</translation>
    </message>
    <message>
        <source>Line</source>
        <translation>ライン</translation>
    </message>
    <message>
        <source>Good</source>
        <translation>良品</translation>
    </message>
    <message>
        <source>Scrap</source>
        <translation>廃却</translation>
    </message>
    <message>
        <source>Who</source>
        <translation>報告者</translation>
    </message>
    <message>
        <source>Station</source>
        <translation>端末</translation>
    </message>
    <message>
        <source>Everything that was made belongs to an order.</source>
        <translation>すべての実績が作業指示に登録されています。</translation>
    </message>
    <message>
        <source>What comes home too late for its order stands here.</source>
        <translation>作業指示に間に合わなかった実績は、ここに表示されます。</translation>
    </message>
    <message>
        <source>It is not known what is unassigned.</source>
        <translation>未振替の実績を表示できません。</translation>
    </message>
    <message>
        <source>It is shown as soon as the database answers.</source>
        <translation>データベースにつながり次第、表示します。</translation>
    </message>
    <message>
        <source>Is being loaded …</source>
        <translation>読み込んでいます…</translation>
    </message>
    <message>
        <source>Machine counted: good {good}, reject {reject}</source>
        <translation>設備カウント: 良品 {good}、不良 {reject}</translation>
    </message>
    <message>
        <source>Made {time}, when no order of its own ran on {line}.</source>
        <translation>{time} 生産。このとき、対象の作業指示は {line} で作業中ではありませんでした。</translation>
    </message>
</context>
<context>
    <name>UsersPanel</name>
    <message>
        <source>Rights</source>
        <translation>権限</translation>
    </message>
    <message>
        <source>Audit</source>
        <translation>監査証跡</translation>
    </message>
    <message>
        <source>Stations</source>
        <translation>端末</translation>
    </message>
</context>
<context>
    <name>ValueTile</name>
    <message>
        <source>ON</source>
        <translation>ON</translation>
    </message>
    <message>
        <source>OFF</source>
        <translation>OFF</translation>
    </message>
    <message>
        <source>Above {limit}</source>
        <translation>{limit} 超え</translation>
    </message>
    <message>
        <source>Below {limit}</source>
        <translation>{limit} 未満</translation>
    </message>
    <message>
        <source>Entered by hand</source>
        <translation>手入力</translation>
    </message>
</context>
<context>
    <name>WhyValueSheet</name>
    <message>
        <source>Connect now</source>
        <translation>今すぐ接続</translation>
    </message>
    <message>
        <source>Looking …</source>
        <translation>調べています …</translation>
    </message>
    <message>
        <source>About this value: {tag}</source>
        <translation>この値について:{tag}</translation>
    </message>
    <message>
        <source>Why is this value old? {tag}</source>
        <translation>この値が古い理由:{tag}</translation>
    </message>
    <message>
        <source>every {seconds} s</source>
        <translation>{seconds} 秒ごと</translation>
    </message>
    <message>
        <source>Data quality</source>
        <translation>データ状態</translation>
    </message>
    <message>
        <source>Last good value</source>
        <translation>最後の正常値</translation>
    </message>
    <message>
        <source>Machine</source>
        <translation>設備</translation>
    </message>
    <message>
        <source>Connection</source>
        <translation>接続</translation>
    </message>
    <message>
        <source>Read</source>
        <translation>読取り</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>アドレス</translation>
    </message>
    <message>
        <source>entered by hand</source>
        <translation>手入力</translation>
    </message>
    <message>
        <source>read by station {station}</source>
        <translation>端末 {station} が読取り</translation>
    </message>
    <message>
        <source>a machine without a controller</source>
        <translation>制御装置のない設備</translation>
    </message>
    <message>
        <source>{state} since {time}</source>
        <translation>{state}({time} から)</translation>
    </message>
    <message>
        <source>No other value of this machine is affected.</source>
        <translation>この設備のほかの値に影響はありません。</translation>
    </message>
    <message>
        <source>All {n} values of this machine are affected.</source>
        <translation>この設備の値 {n} 件すべてに影響しています。</translation>
    </message>
    <message>
        <source>Also affected: {n} of {of} values: {names}</source>
        <translation>ほかに影響のある値:{of} 件中 {n} 件:{names}</translation>
    </message>
</context>
<context>
    <name>Window</name>
    <message>
        <source>Demo: tanaka 204615 (operator) · ito 527193 (supervisor) · admin 918263 (administrator)</source>
        <translation>デモ: tanaka 204615(作業者) · ito 527193(職長) · admin 918263(システム管理者)</translation>
    </message>
</context>
<context>
    <name>_Card</name>
    <message>
        <source>{hosts} (not for {host})</source>
        <translation>{hosts}({host} 用ではありません)</translation>
    </message>
    <message>
        <source>{days} (NOT valid today)</source>
        <translation>{days}(本日は無効)</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名前</translation>
    </message>
    <message>
        <source>Made for</source>
        <translation>対象</translation>
    </message>
    <message>
        <source>Signed by</source>
        <translation>発行元</translation>
    </message>
    <message>
        <source>Fingerprint (SHA-256)</source>
        <translation>指紋(SHA-256)</translation>
    </message>
    <message>
        <source>Valid</source>
        <translation>有効期間</translation>
    </message>
</context>
</TS>
