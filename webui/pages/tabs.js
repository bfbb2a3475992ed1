function switchPage(label) {
  var pages = document.querySelectorAll("div.tab-page"), tabs = document.querySelectorAll("span.tab");
  for (var i = 0; i < pages.length; i++) {
    var chosen = pages[i].id === label;
    pages[i].style.display = chosen ? "block" : "none";
    tabs[i].className = chosen ? "tab chosen" : "tab";
  }
}
var wanted = decodeURIComponent(location.hash.slice(2));
switchPage(document.getElementById(wanted) ? wanted : document.querySelector("div.tab-page").id);
