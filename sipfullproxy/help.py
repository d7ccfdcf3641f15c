"""The pages of `--help`, written by hand: examples first, and in the user's language."""

from __future__ import annotations

from sipfullproxy.lang import Words

RUN = Words(
    sk="""\
Použitie: main.py [ADRESA…] [voľby]

SIP proxy a registrátor pre učebňu: telefóny sa naň prihlásia a každý hovor ide cezeň.

Príklady:
  main.py                                nájde adresu v sieti LAN sám
  main.py 192.168.1.10                   počúva na tejto adrese, port 5060 (UDP, TCP)
  main.py 192.168.1.10 -v                a ukáže každú správu
  main.py --port 5070 --lang en          iný port, anglicky
  main.py --config proxy.toml            nastavenia zo súboru; príkazový riadok má prednosť
  main.py calls                          hovory z denníka; main.py calls --help
  main.py ladder HOVOR                   správy jedného z nich ako rebrík
  main.py assignment                     čo zo zadania bolo predvedené, s dôkazmi
  main.py user add boris                 používateľ s heslom; main.py user --help
  main.py --users users.toml             prihlásia sa len takí
  main.py bans                           kto je blokovaný; main.py bans --help

  ADRESA                adresa tohto počítača, ktorú budú mať telefóny; pre IPv4 aj IPv6 naraz dve:
                        192.168.1.10 fd00::10
  --port ČÍSLO          port UDP a TCP (5060; 0: ktorýkoľvek voľný)
  --listen PRENOS:ADRESA:PORT
                        kde počúvať namiesto toho, napríklad tcp:192.168.1.10:5070 alebo
                        udp:[fd00::10]:5060; dá sa opakovať
  --tls                 aj TLS, port 5061; certifikát a jeho autoritu (CA) si vyrobí, CA sa dáva do telefónov
  --tls-cert SÚBOR      vlastný certifikát pre TLS (PEM), s tými, ktoré vedú k jeho autorite
  --tls-key SÚBOR       a jeho súkromný kľúč
  --ws-origin PÔVOD     stránka odtiaľto smie volať cez --listen ws alebo wss, napríklad
                        https://lab.sk; dá sa opakovať; stránky z tohto počítača smú vždy
  --lang sk|en          jazyk výpisov, denníka a odpovedí (sk)
  --phrases all|own|off znenie odpovedí, napríklad „486 Obsadené“: vo všetkých, len vo vlastných,
                        v žiadnych (all)
  --journal SÚBOR       denník hovorov (logs/proxy.log)
  -v, --verbose         každú správu vypíše na obrazovku
  --open                našim používateľom smú volať aj neregistrované telefóny
  --users SÚBOR         kto sa registruje, musí sa prihlásiť heslom; používatelia sú v tomto súbore
  --login register|calls
                        heslo len pri registrácii, alebo aj pri každom hovore (register)
  --no-bans             kto háda heslá, neblokuje sa; --bans: blokuje sa aj bez --users, kto obťažuje
  --trust SIEŤ          adresy, ktoré sa neblokujú, napríklad 192.168.1.0/24; dá sa opakovať
  --silent              cudzím sa neodpovedá ani odmietnutím; na heslo sa pýta ďalej
  --security-log SÚBOR  nesprávne heslá a blokovania v riadkoch pre fail2ban (contrib/fail2ban)
  --state PRIEČINOK     kde sa uchová, kto je registrovaný, pre prípad reštartu
  --user MENO, --group MENO
                        kým sa root stane, keď sú porty otvorené; jeho musia byť priečinky denníka a --state
  --domain MENO         ďalšie meno, ktoré je naše; dá sa opakovať
  --dns system|off|ADRESA
                        kde hľadať servery cudzích domén: v DNS tohto počítača, nikde, alebo na tomto
                        serveri, napríklad 127.0.0.1:5353 (system)
  --no-web              bez stránky s hovormi
  --web-port ČÍSLO      port TCP stránky (8080; 0: ktorýkoľvek voľný)
  --web-bind ADRESA     stránka počúva na tejto adrese; 0.0.0.0: na všetkých (:: aj s IPv6)
  --web-password HESLO  zmeny na stránke len s heslom; bez neho len z tohto počítača
  --workers ČÍSLO       toľko procesov obsluhuje spolu jeden port (1; len Linux)
  --config SÚBOR        súbor TOML s nastaveniami: tie isté mená a tabuľka [phrases], napríklad
                        486 = "Obsadené"
  -h, --help            táto pomoc
  --version             verzia

Koniec: Ctrl-C. Help in English: main.py --lang en --help
""",
    en="""\
Usage: main.py [ADDRESS…] [options]

A SIP proxy and registrar for a classroom: phones register with it, and every call goes through it.

Examples:
  main.py --lang en                      finds the LAN address by itself
  main.py 192.168.1.10 --lang en         listens on that address, port 5060 (UDP, TCP)
  main.py 192.168.1.10 -v                and shows every message
  main.py --port 5070                    another port
  main.py --config proxy.toml            settings from a file; the command line wins
  main.py calls                          the calls of the journal; main.py calls --help
  main.py ladder CALL                    the messages of one of them as a ladder
  main.py assignment                     what of the assignment was shown, with the evidence
  main.py user add boris                 a user with a password; main.py user --help
  main.py --users users.toml             only such users can register
  main.py bans                           who is banned; main.py bans --help

  ADDRESS               the address of this machine that phones will be told; two for IPv4 and IPv6
                        at once: 192.168.1.10 fd00::10
  --port NUMBER         UDP and TCP port (5060; 0: any free one)
  --listen TRANSPORT:ADDRESS:PORT
                        where to listen instead, such as tcp:192.168.1.10:5070 or
                        udp:[fd00::10]:5060; may be repeated
  --tls                 TLS, too, port 5061; makes a certificate and its authority (CA), which phones are given
  --tls-cert FILE       a certificate of yours for TLS (PEM), and those that lead to its authority
  --tls-key FILE        its private key
  --ws-origin ORIGIN    a page from there may call by --listen ws or wss, such as https://lab.sk;
                        may be repeated; pages from this computer always may
  --lang sk|en          language of messages, journal and responses (sk)
  --phrases all|own|off wording of responses, such as "486 Obsadené": in all, in our own only,
                        in none (all)
  --journal FILE        call journal (logs/proxy.log)
  -v, --verbose         show every message on the screen
  --open                phones that are not registered may call our users, too
  --users FILE          who registers must log in by password; the users are in this file
  --login register|calls
                        passwords for registrations only, or for each call, too (register)
  --no-bans             who guesses passwords is not banned; --bans: without --users, too, who is a nuisance
  --trust NETWORK       addresses that are never banned, such as 192.168.1.0/24; may be repeated
  --silent              strangers get no answer, not even a refusal; passwords are still asked for
  --security-log FILE   wrong passwords and bans in lines for fail2ban (contrib/fail2ban)
  --state FOLDER        where it is kept who is registered, for a restart
  --user NAME, --group NAME
                        whom root becomes when the ports are open; the folders of journal and --state must be his
  --domain NAME         a further name that is ours; may be repeated
  --dns system|off|ADDRESS
                        where to look for the servers of other domains: in the DNS of this machine,
                        nowhere, or at this server, for example 127.0.0.1:5353 (system)
  --no-web              without the page that shows the calls
  --web-port NUMBER     TCP port of the page (8080; 0: any free one)
  --web-bind ADDRESS    the page listens on this address; 0.0.0.0: on all of them (::, with IPv6)
  --web-password WORD   changes on the page need this password; without one: this machine only
  --workers NUMBER      so many processes serve one port together (1; Linux only)
  --config FILE         TOML file with settings: the same names, and a table [phrases] such as
                        486 = "Obsadené"
  -h, --help            this help
  --version             version

End: Ctrl-C. Pomoc po slovensky: main.py --help
""",
)

CALLS = Words(
    sk="""\
Použitie: main.py calls [voľby]

Hovory z denníka, najnovšie hore: kedy, kto komu, ako skončil, ako dlho trval, označenie hovoru.
Aj kým proxy beží.

  --query TEXT          len hovory s týmto textom v mene, v adrese alebo v Call-ID
  --limit ČÍSLO         nanajvýš toľko hovorov (50)
  --json                ako JSON
  --journal SÚBOR       denník tej proxy (logs/proxy.log); databáza hovorov je vedľa neho
  --lang sk|en          jazyk výpisu (sk)
  -h, --help            táto pomoc
""",
    en="""\
Usage: main.py calls [options]

The calls of the journal, the latest first: when, who whom, how it ended, how long it took, the call's id.
Also while the proxy runs.

  --query TEXT          only calls with this text in a name, an address or the Call-ID
  --limit NUMBER        at most so many calls (50)
  --json                as JSON
  --journal FILE        the journal of that proxy (logs/proxy.log); the database of calls is beside it
  --lang sk|en          language (sk)
  -h, --help            this help
""",
)

USER = Words(
    sk="""\
Použitie: main.py user add MENO
          main.py user remove MENO
          main.py user list

Kto sa môže prihlásiť, keď proxy beží s --users. Na heslo sa spýta dvakrát a uloží len jeho odtlačok.
Bežiaca proxy zmenu prevezme sama; komu sa zmenilo heslo, ten sa musí zaregistrovať znova.

  --users SÚBOR         súbor používateľov (users.toml)
  --config SÚBOR        nastavenia proxy, v nich users
  --lang sk|en          jazyk výpisu (sk)
  -h, --help            táto pomoc
""",
    en="""\
Usage: main.py user add NAME
       main.py user remove NAME
       main.py user list

Who can log in while the proxy runs with --users. The password is asked for twice, and only a hash of it is kept.
A running proxy takes the change over by itself; whose password has changed has to register again.

  --users FILE          file of users (users.toml)
  --config FILE         settings of the proxy, with users in them
  --lang sk|en          language (sk)
  -h, --help            this help
""",
)

BANS = Words(
    sk="""\
Použitie: main.py bans
          main.py bans lift ADRESA

Adresy, z ktorých proxy nič neprijíma, dokedy a prečo; lift blokovanie ukončí. Bežiaca proxy to prevezme do sekundy.

  --state PRIEČINOK     priečinok, v ktorom si proxy pamätá stav, ak je iný než zvyčajný
  --config SÚBOR        nastavenia proxy, v nich state
  --lang sk|en          jazyk výpisu (sk)
  -h, --help            táto pomoc
""",
    en="""\
Usage: main.py bans
       main.py bans lift ADDRESS

The addresses that the proxy does not listen to, until when and why; lift ends a ban. A running proxy takes that over
within a second.

  --state FOLDER        where the proxy keeps its state, if that is not the usual folder
  --config FILE         settings of the proxy, with state in them
  --lang sk|en          language (sk)
  -h, --help            this help
""",
)

LADDER = Words(
    sk="""\
Použitie: main.py ladder HOVOR [voľby]

Správy hovoru ako rebrík: kto, komu a kedy. Aj kým proxy beží.

  HOVOR                 označenie hovoru, ako ho vypíše main.py calls, alebo jeho Call-ID
  --journal SÚBOR       denník tej proxy (logs/proxy.log); databáza hovorov je vedľa neho
  --lang sk|en          jazyk výpisu (sk)
  -h, --help            táto pomoc
""",
    en="""\
Usage: main.py ladder CALL [options]

The messages of a call as a ladder: who, whom and when. Also while the proxy runs.

  CALL                  the call's id, as main.py calls shows it, or its Call-ID
  --journal FILE        the journal of that proxy (logs/proxy.log); the database of calls is beside it
  --lang sk|en          language (sk)
  -h, --help            this help
""",
)

ASSIGNMENT = Words(
    sk="""\
Použitie: main.py assignment [voľby]

Ktoré body zadania boli predvedené za poslednú hodinu, s dôkazmi; pri ostatných, ako ich predviesť.
Aj kým proxy beží.

  --html SÚBOR          aj ako stránka na odovzdanie; z prehliadača sa dá uložiť ako PDF
  --name MENO           meno študenta na tej stránke
  --minutes ČÍSLO       koľko minút dozadu (60; nanajvýš 1440, teda deň)
  --journal SÚBOR       denník tej proxy (logs/proxy.log); databáza hovorov je vedľa neho
  --lang sk|en          jazyk výpisu (sk)
  -h, --help            táto pomoc
""",
    en="""\
Usage: main.py assignment [options]

Which points of the assignment were shown in the last hour, with the evidence; and how to show the others.
Also while the proxy runs.

  --html FILE           also as a page to hand in; a browser saves it as PDF
  --name NAME           the student's name on that page
  --minutes NUMBER      how many minutes back (60; at most 1440, a day)
  --journal FILE        the journal of that proxy (logs/proxy.log); the database of calls is beside it
  --lang sk|en          language (sk)
  -h, --help            this help
""",
)
