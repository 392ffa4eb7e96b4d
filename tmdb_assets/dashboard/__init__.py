"""The web page over the warehouse: `make dashboard`.

warehouse file ──► asking.py    a question in SQL, answered once per file
                     └─ films/, subscribers/, listeners/   a module per page: its questions, its charts
                          ├─ parts.py                what pages of several sources have in common
                          ├─ drawing.py, markup.py   how a chart looks, how tiles and bars do (markup.html.j2)
                          ├─ files.py                tables to take along
                          └─ layout.py               what stands around them
                   app.py       the pages, the banner and the footer

A source with pages of its own is a folder beside these and one more heading in app.py.
"""
