"""What mail programs write around quotes and signatures, in many languages. Words only; `reply` knows what they mean."""
# ruff: noqa: RUF001 - other alphabets are the point here

from __future__ import annotations

from typing import Final


def _words(listed: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in listed.split("|") if word.strip())


MARKER: Final = "--- reply above this line ---"
"""The first line of each mail we send; whatever stands below it in an answer is ours."""

HEADING: Final = "▸"
"""How the line begins that stands above each post of a digest; its number follows."""

BETWEEN: Final = "· · ·"
"""What stands between the posts of one conversation."""

WROTE: Final = _words("""
    wrote | writes | sent | a écrit | ecrit | a ecrit | schrieb | hat geschrieben | schreef | geschreven | escribió |
    escribio | ha scritto | scrive | escreveu | skrev | skreiv | kirjoitti | napisał | napisał(a) | napisała | pisze |
    napsal | napsal(a) | napsala | napísal | написав | написал | написал(а) | написала | пишет | пише | a scris | írta |
    yazdı | şunu yazdı | έγραψε | đã viết | viết | 写道 | 寫道 |
    書きました | のメール | 님이 작성 | 작성 | menulis | reše | je napisao |
    napisao | je napisal | va escriure | כתב | كتب | rašė | kirjutas | rakstīja | skrifaði | napísal(a) | napísala |
    napisala |
    написа | написала(а) | napisana | je napisala | shkroi | idatzi zuen | escribiu | ha scrit | skrifar | написао је |
    เขียน | نوشت | lähetti | a trimis | scrisse | geantwoord | svarede | svarade
""")
"""Verbs of the line that introduces a quote."""

ON: Final = _words("""
    on | le | am | op | el | il | em | den | på | dnia | w dniu | dne | vào | pe | στις | в | la | a(z) | tarihinde | pada
    | mon | tue | wed | thu | fri | sat | sun | man. | tir. | ons. | tor. | fre. | lør. | søn. | man | tir | ons | tors |
    fre | lör | sön | mo | di | mi | do | fr | sa | so | lun | mar | mer | jeu | ven | sam | dim | pon | wt | śr | czw |
    pt | ma | wo | vr | za | zo | em seg | em ter | ke | to | su | ti | al | ut | po | st | čt | št | pá | so | ne |
    dňa | dnia |
    at | a | na | на | u | uto | sre | čet | pet | sub | ned | kuupäev | otrd. | wiadomość | בתאריך | في | pada tanggal
""")
"""How the line that introduces a quote begins."""

QUOTING: Final = _words("""
    quoting | zitat von | zitiere | citando | citation de | citando a | citaat van | citerar | citát | cytowanie |
    citat fra |
    in message | in article | en réponse à | in reply to | antwort auf
""")
"""How such a line begins that has no verb: then an address must stand in it, or a quote right below."""

ORIGINAL: Final = _words("""
    original message | original appointment | original email | ursprüngliche nachricht | ursprüngliche mail |
    originalnachricht | original-nachricht | message d'origine | message original | message initial | mensaje original |
    messaggio originale | messaggio originario | mensagem original | oprindelig meddelelse | oprindelig besked |
    opprinnelig melding | ursprungligt meddelande | originalmeddelande | oorspronkelijk bericht | wiadomość oryginalna |
    oryginalna wiadomość | původní zpráva | pôvodná správa | исходное сообщение | оригинальное сообщение |
    оригінальне повідомлення | alkuperäinen viesti | eredeti üzenet | mesaj original | mesajul original | orijinal mesaj |
    原始邮件 | 原始郵件 | 元のメッセージ | 원본 메시지 | thư gốc | reply message | reply above this line |
    original | begin original message | originale | исходное письмо | originalus laiškas | algne kiri |
    sākotnējais ziņojums |
    izvirno sporočilo | izvorna poruka | оригинална порука | αρχικό μήνυμα | הודעה מקורית | رسالة أصلية |
    missatge original |
    pesan asli | ursprungligt brev | mesaj iletisi | ответ на сообщение
""")
"""What stands between dashes above a quote."""

FORWARDED: Final = _words("""
    forwarded message | forwarded by | begin forwarded message | weitergeleitete nachricht |
    anfang der weitergeleiteten nachricht | message transféré | début du message transféré | message réexpédié |
    mensaje reenviado | messaggio inoltrato | inizio messaggio inoltrato | inoltrato da | mensagem encaminhada |
    videresendt meddelelse | videresendt melding | vidarebefordrat meddelande | doorgestuurd bericht |
    wiadomość przekazana | przekazana wiadomość | přeposlaná zpráva | пересылаемое сообщение | переслане повідомлення |
    välitetty viesti | továbbított üzenet | 转发邮件 | 轉寄郵件 | 転送されたメッセージ | 전달된 메시지
""")
"""What stands above a forwarded mail, which is kept."""

_SENDER = _words("""
    from | von | de | da | van | od | fra | från | fran |
    lähettäjä | от | від | feladó | kimden | 发件人 | 寄件者 | 差出人 | 보낸 사람
    | odesílatel | expéditeur | remitente | mittente
""")

_DATE = _words("""
    sent | date | gesendet | datum | envoyé | envoye | date d'envoi | enviado | enviado el | enviada em | enviado em |
    data | fecha | inviato | verzonden | wysłano | wyslano | sendt | dato | skickat | lähetetty | päivämäärä | отправлено
    | дата | надіслано | odesláno | elküldve | gönderildi |
    gönderme tarihi | 发送时间 | 日期 | 寄件日期 | 送信日時 | 보낸 날짜 | message du
    | sent at
""")

_RECIPIENT = _words("""
    to | an | à | a | para | aan | do | til | till |
    vastaanottaja | кому | címzett | kime | 收件人 | 收件者 | 宛先 | 받는 사람 | komu
    | cc | bcc | kopie | copie à | kopia | kopi | копия | 抄送 | reply-to | destinataire | destinatario
""")

_SUBJECT = _words("""
    subject | betreff | objet | asunto | assunto | oggetto | onderwerp | temat | emne | ämne | aihe | тема | předmět |
    tárgy | konu | 主题 | 主旨 | 件名 | 제목
""")

LABELS: Final = tuple(
    (word, kind)
    for kind, listed in (("sender", _SENDER), ("date", _DATE), ("recipient", _RECIPIENT), ("subject", _SUBJECT))
    for word in listed
)
"""Labels of a quoted mail's head, and what each names."""

SENT_FROM: Final = _words("""
    sent from | sent via | sent with | sent using | sent by | get outlook for | envoyé de | envoyé depuis | gesendet von |
    gesendet mit | von meinem | diese nachricht wurde von meinem | enviado desde | enviado do | enviado de |
    enviado a partir | inviato da | verzonden vanaf | verstuurd vanaf | verstuurd met | verzonden met | wysłano z |
    wysłane z | sendt fra | skickat från | sänt från | lähetetty | отправлено с | отправлено из | надіслано з | odesláno z
    | iphone'umdan | iphone'dan | 从我的 | 发自我的 | iphoneから送信 | 자 iphone | 나의 iphone | gửi từ | trimis de pe |
    elküldve | ipadから送信 | 發自我的 | 寄自 | 发自 | küldve | envoyé à partir | envoyé avec | enviado via |
    enviado com | enviado con |
    enviat des | inviato con | inviato tramite | verzonden vanuit | verstuurd met | verstuurd via | odoslané z |
    wysłano za | wysłane za |
    poslano s | poslano z | poslato sa | изпратено от | изпратено с | στάλθηκε από | נשלח מ | تم الإرسال من | أرسلت من |
    dikirim dari |
    skickades från | skickat med | sendt med | saadetud | išsiųsta iš | nosūtīts no | nadesłane z | 내 iphone | 내 ipad |
    get outlook | download outlook | outlook für | holen sie sich outlook | obtenir outlook | télécharger outlook |
    obtener outlook |
    obter o outlook | obtenha o outlook | baixar o outlook | scarica outlook | ottieni outlook | outlook voor |
    download outlook |
    hämta outlook | hent outlook | få outlook | lataa outlook | pobierz outlook | загрузить outlook | получить outlook |
    скачать outlook | stáhnout outlook | získat outlook | 获取 outlook | 取得 outlook | outlook for ios を入手 | descargar outlook
""")
"""How the footer begins that phones and mail programs add."""

DEVICES: Final = _words("""
    iphone | ipad | ipod | android | blackberry | samsung | galaxy | huawei | xiaomi | nokia | pixel | smartphone |
    phone | mobile |
    tablet | device | handy | mobil | gerät | téléphone | telefon | telefoon | teléfono | móvil | celular | cellulare |
    windows |
    outlook | gmail | yahoo | proton | k-9 | thunderbird | mailspring | superhuman | zoho | gmx | web.de | app | network
""")
"""What such a footer names: with one of these in it, it may be a whole sentence."""

STOP: Final = frozenset(
    _words("""
    unsubscribe | stop | stop it | please stop | remove | remove me | please remove me | please unsubscribe me | unsubscribe me |
    unsubscribe please | please unsubscribe | take me off | take me off this list | opt out | leave | signoff |
    remove me from this list | please remove me from this list | abmelden | austragen | bitte abmelden | bitte austragen |
    abbestellen | stopp | se désabonner | désabonner | désinscription | me désinscrire | désabonnez-moi | darme de baja | baja |
    cancelar suscripción | desuscribir | desuscribirme | annulla iscrizione | cancellami | disiscrivimi | cancelar inscrição |
    descadastrar | cancelar subscrição | afmelden | uitschrijven | wypisz mnie | wypisz | rezygnuję | отписаться | отписать |
    відписатися | avregistrera | avsluta prenumeration | avmeld | afmeld | afmeld mig | peruuta tilaus | leiratkozás |
    odhlásit | dezabonare | aboneliği iptal et | διαγραφή | 退订 | 取消订阅 | 配信停止 | 수신거부
    """)
)
"""All that stands in a mail of somebody who wants no more of them."""

REACTED: Final = _words("""
    reacted to your message | hat auf ihre nachricht reagiert | hat auf deine nachricht reagiert | a réagi à votre message |
    reaccionó a su mensaje | reaccionó a tu mensaje | ha reagito al messaggio | ha reagito al tuo messaggio |
    reagiu à sua mensagem | reagiu à mensagem | heeft gereageerd op uw bericht | heeft gereageerd op je bericht |
    reagerede på din meddelelse | reagerede på din besked | reagerade på ditt meddelande | reagerte på meldingen din |
    zareagował na twoją wiadomość | zareagowała na twoją wiadomość | реагирует на ваше сообщение | reagoval na vaši zprávu |
    reagoi viestiisi
""")
"""How the line ends by which a program says that somebody only put an emoji on a mail."""

AWAY: Final = _words("""
    out of office | out of the office | out-of-office | away from the office | automatic reply | automated reply |
    auto reply | auto-reply | autoreply | auto response | auto-response | autoresponse | vacation reply |
    vacation message | abwesenheit | abwesend | automatische antwort | automatische rückantwort | nicht im büro |
    außer haus | réponse automatique | reponse automatique | absence du bureau | absent du bureau | message d'absence |
    notification d'absence | respuesta automática | respuesta automatica | fuera de la oficina | fuera de oficina |
    ausente de la oficina | risposta automatica | fuori sede | fuori ufficio | resposta automática | resposta automatica |
    ausência temporária | fora do escritório | automatisch antwoord | afwezig | niet op kantoor | autosvar |
    automatisk svar | automatiskt svar | fravær | fraværende | ikke på kontoret | frånvaro | automaattinen vastaus |
    poissaolo | automatyczna odpowiedź | odpowiedź automatyczna | autoodpowiedź | poza biurem | automatická odpověď |
    automatická odpoveď | mimo kancelář | автоответ | автоматический ответ | вне офиса | автоматична відповідь |
    automatikus válasz | răspuns automat | otomatik yanıt | ofis dışında | αυτόματη απάντηση |
    自动回复 | 自動回覆 | 自动答复 | 自動応答 | 不在通知 | 자동 회신 | 부재 중
""")
"""How subjects of automatic absence notices begin."""
